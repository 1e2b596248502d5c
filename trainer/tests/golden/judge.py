"""Writes judge.json: what scikit-learn, scipy and statsmodels say of isotonic regression, curves, binomial
bounds and McNemar's test.

Recorded with Python 3.11.7, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, statsmodels 0.15.0:

    python judge.py > judge.json
"""

import json
import sys

import numpy as np
import scipy
import sklearn
import statsmodels
from scipy import stats
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression
from statsmodels.stats.contingency_tables import mcnemar

random = np.random.default_rng(40)


def isotonic(name, margins, labels, weights):
    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    fitted.fit(margins, labels.astype(float), sample_weight=weights)
    probes = np.concatenate([margins, random.normal(0, 4, 60), [-1e6, 1e6, 0.0]])
    return {
        "name": name,
        "margins": margins.tolist(),
        "labels": labels.tolist(),
        "weights": weights.tolist(),
        "knot_margins": fitted.X_thresholds_.tolist(),
        "knot_scores": fitted.y_thresholds_.tolist(),
        "probes": probes.tolist(),
        "expected": fitted.predict(probes).tolist(),
    }


def draw(n_rows, digits):
    margins = np.round(random.normal(0, 2, n_rows), digits)
    labels = random.random(n_rows) < 1 / (1 + np.exp(-(0.9 * margins - 0.4)))
    return margins, labels


def isotonic_cases():
    ones = lambda drawn: (*drawn, np.ones(len(drawn[0])))
    weighted = draw(150, 2)
    yield isotonic("few ties", *ones(draw(200, 5)))
    yield isotonic("many ties", *ones(draw(200, 0)))
    yield isotonic("weights", *weighted, np.round(random.gamma(1.0, 2.0, 150) + 0.01, 3))
    yield isotonic("backwards", *ones((np.arange(30.0), np.arange(30) < 12)))
    yield isotonic("separable", *ones((np.arange(30.0), np.arange(30) >= 12)))
    yield isotonic("one margin", *ones((np.full(8, 1.5), np.arange(8) < 3)))


def curves():
    scores = np.round(random.random(150), 2)
    labels = random.random(150) < scores**1.4
    fpr, tpr, thresholds = metrics.roc_curve(labels, scores, drop_intermediate=False)
    precision, recall, pr_thresholds = metrics.precision_recall_curve(labels, scores)
    # scikit-learn lists them by rising threshold and adds a last point without one.
    return {
        "scores": scores.tolist(),
        "labels": labels.tolist(),
        "roc": np.column_stack([thresholds[1:], fpr[1:], tpr[1:]]).tolist(),
        "precision_recall": np.column_stack(
            [pr_thresholds[::-1], recall[:-1][::-1], precision[:-1][::-1]]
        ).tolist(),
    }


def binomial():
    cases = [(0, 10, 0.3), (3, 10, 0.5), (9, 10, 0.9), (12, 1000, 0.01), (480, 1000, 0.5),
             (5, 100000, 1e-4), (50200, 100000, 0.5), (3, 500, 0.02), (990, 1000, 0.98)]
    for k, n, p in cases:
        interval = stats.binomtest(k, n, p, alternative="less").proportion_ci(0.95, method="exact")
        yield {"k": k, "n": n, "p": p, "cdf": stats.binom.cdf(k, n, p), "upper": interval.high}


def mcnemar_cases():
    for b, c in [(0, 0), (1, 0), (0, 6), (7, 3), (12, 12), (3, 21), (10, 15), (24, 1), (40, 22), (150, 90), (31, 30), (900, 1000)]:
        table = [[100, b], [c, 50]]
        exact = b + c < 25
        # Without a discordant pair statsmodels divides by nothing.
        p = mcnemar(table, exact=exact, correction=True).pvalue if b + c else 1.0
        yield {"b": b, "c": c, "is_exact": exact, "p_value": float(p)}


json.dump(
    {
        "made_by": f"numpy {np.__version__}, scipy {scipy.__version__}, scikit-learn {sklearn.__version__}, "
        f"statsmodels {statsmodels.__version__}",
        "isotonic": list(isotonic_cases()),
        "curves": curves(),
        "binomial": list(binomial()),
        "mcnemar": list(mcnemar_cases()),
    },
    sys.stdout,
    separators=(",", ":"),
)
print()
