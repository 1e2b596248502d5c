"""Writes learners.json: what scikit-learn's learners say of small made-up rows.

Recorded with Python 3.11.7, numpy 2.4.6, scikit-learn 1.9.1:

    python learners.py > learners.json
"""

import json
import sys

import numpy as np
import sklearn
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

random = np.random.default_rng(4)


def rows(n_rows, n_features, decimals, noise):
    """Rows of few digits, exact as f32, and labels that depend on them by a curved border."""
    x = np.round(random.normal(size=(n_rows, n_features)), decimals)
    x = np.round(x * 64) / 64
    truth = x[:, 0] + np.sin(2 * x[:, 1]) - 0.5 * x[:, 2] ** 2 + 0.4
    y = truth + random.normal(0, noise, n_rows) > 0
    return x, y


def numbers(values):
    return [float(f"{value:.10g}") for value in values]


def adaboost(max_depth, n_estimators, learning_rate):
    x, y = rows(150, 4, 1, 0.5)
    weights = random.integers(1, 64, 150) / 16
    tree = DecisionTreeClassifier(max_depth=max_depth, random_state=0)
    fitted = AdaBoostClassifier(tree, n_estimators=n_estimators, learning_rate=learning_rate, random_state=0)
    fitted.fit(x, y, sample_weight=weights)
    # decision_function divides by the sum of the weights and counts both classes; here the bare votes.
    votes = np.sum([w * np.where(t.predict(x), 1, -1) for w, t in zip(fitted.estimator_weights_, fitted.estimators_)], axis=0)
    staged = [float(np.mean(p == y)) for p in fitted.staged_predict(x)]
    return {
        "max_depth": max_depth, "n_estimators": n_estimators, "learning_rate": learning_rate,
        "x": x.tolist(), "y": y.astype(int).tolist(), "weights": weights.tolist(),
        "estimator_weights": numbers(fitted.estimator_weights_[: len(fitted.estimators_)]),
        "staged_accuracy": numbers(staged), "votes": numbers(votes),
    }


def logistic(l1, l2):
    """Penalties beside the summed loss, l1 * |w| + l2 / 2 * w^2, on standardised columns."""
    x, y = rows(120, 6, 1, 1.0)
    z = StandardScaler().fit_transform(x)
    total = l1 + l2
    fitted = LogisticRegression(l1_ratio=l1 / total, C=1 / total, solver="saga", tol=1e-12, max_iter=200_000)
    fitted.fit(z, y)
    return {
        "l1": l1, "l2": l2, "x": x.tolist(), "y": y.astype(int).tolist(),
        "coefficients": numbers(fitted.coef_[0]), "intercept": float(fitted.intercept_[0]),
    }


def knn(n_neighbours, weights):
    x, y = rows(160, 4, 1, 0.5)
    # Finer numbers, still exact as f32: no two distances are the same.
    x += random.integers(0, 2**14, x.shape) / 2**16
    scaler = StandardScaler().fit(x[:120])
    fitted = KNeighborsClassifier(n_neighbors=n_neighbours, weights=weights).fit(scaler.transform(x[:120]), y[:120])
    probabilities = fitted.predict_proba(scaler.transform(x[120:]))[:, 1]
    return {
        "n_neighbours": n_neighbours, "weights": weights,
        "x": x[:120].tolist(), "y": y[:120].astype(int).tolist(), "queries": x[120:].tolist(), "probabilities": numbers(probabilities),
    }


def svm(kernel, c, gamma):
    x, y = rows(110, 4, 1, 0.6)
    # Copies of rows, some with the other label.
    x, y = np.vstack([x, x[:30], x[:10]]), np.concatenate([y, y[:30], ~y[:10]])
    z = StandardScaler().fit_transform(x)
    fitted = SVC(kernel=kernel, C=c, gamma=gamma, tol=1e-8).fit(z, y)
    return {
        "kernel": kernel, "c": c, "gamma": gamma, "x": x.tolist(), "y": y.astype(int).tolist(),
        "decisions": numbers(fitted.decision_function(z)),
    }


json.dump(
    {
        "scikit-learn": sklearn.__version__, "numpy": np.__version__,
        "adaboost": [adaboost(1, 30, 1.0), adaboost(2, 12, 0.5)],
        "logistic": [logistic(0.0, 2.0), logistic(3.0, 0.0), logistic(4.0, 1.5), logistic(12.0, 0.0)],
        "knn": [knn(5, "uniform"), knn(9, "distance")],
        "svm": [svm("rbf", 1.0, 0.2), svm("rbf", 10.0, 0.05), svm("linear", 0.5, 0.2)],
    },
    sys.stdout,
)
