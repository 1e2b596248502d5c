"""Writes metrics.json: what scikit-learn says of scores with ties, and of Platt's sigmoid.

Recorded with Python 3.11.7, numpy 2.4.6, scikit-learn 1.9.1:

    python metrics.py > metrics.json
"""

import json
import sys

import numpy as np
import sklearn
from sklearn import metrics
from sklearn.calibration import _SigmoidCalibration, calibration_curve

random = np.random.default_rng(20)


def case(name, scores, labels, threshold):
    taken = scores >= threshold
    return {
        "name": name,
        "scores": scores.tolist(),
        "labels": labels.tolist(),
        "threshold": threshold,
        "expected": {
            "f1": metrics.f1_score(labels, taken, zero_division=0),
            "precision": metrics.precision_score(labels, taken, zero_division=0),
            "recall": metrics.recall_score(labels, taken),
            "roc_auc": metrics.roc_auc_score(labels, scores),
            "pr_auc": metrics.average_precision_score(labels, scores),
            "brier": metrics.brier_score_loss(labels, scores),
            "log_loss": metrics.log_loss(labels, scores),
            "accuracy": metrics.accuracy_score(labels, taken),
            "mcc": metrics.matthews_corrcoef(labels, taken),
            "ece": calibration_error(scores, labels),
        },
    }


def calibration_error(scores, labels, n_bins=15):
    """Weights scikit-learn's calibration curve by the rows of each bin, which it has the edges of."""
    share, mean = calibration_curve(labels, scores, n_bins=n_bins)
    edges = np.linspace(0, 1, n_bins + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], scores), minlength=n_bins)
    return float(np.sum(counts[counts > 0] * np.abs(share - mean)) / len(scores))


def draw(n_rows, digits):
    truth = random.beta(0.6, 0.9, n_rows)
    labels = random.random(n_rows) < truth
    scores = np.clip(truth + random.normal(0, 0.15, n_rows), 0, 1)
    return np.round(scores, digits), labels


def platt():
    margins = np.round(random.normal(0, 2, 300), 3)
    labels = random.random(300) < 1 / (1 + np.exp(-(0.8 * margins + 0.5)))
    fitted = _SigmoidCalibration().fit(margins, labels.astype(float))
    return {
        "margins": margins.tolist(),
        "labels": labels.tolist(),
        "slope": -fitted.a_,
        "intercept": -fitted.b_,
    }


json.dump(
    {
        "made_by": f"numpy {np.__version__}, scikit-learn {sklearn.__version__}",
        "cases": [
            case("many ties, scores of exactly 0 and 1", *draw(200, 1), 0.5),
            case("few ties", *draw(200, 4), 0.3),
            case("no row is taken for positive", *draw(60, 2), 1.5),
            case("one score for all", np.full(20, 0.25), np.arange(20) < 5, 0.25),
        ],
        "platt": platt(),
    },
    sys.stdout,
    indent=None,
    separators=(",", ":"),
)
print()
