"""Writes explain.json: what the shap library says of small models of XGBoost and LightGBM.

Recorded with Python 3.11, see "versions" in the output:

    python explain.py > explain.json
"""

import json
import platform
import sys
import tempfile

import lightgbm
import numpy as np
import shap
import xgboost

random = np.random.default_rng(11)
N_FEATURES = 5


def rows(n):
    # f32 and few decimals: the models' thresholds lie between such numbers.
    x = random.normal(0, 3, (n, N_FEATURES)).round(2)
    x[:, 3] = random.integers(-1, 2, n)
    x[random.random(x.shape) < 0.05] = np.nan
    return x.astype(np.float32)


def labels(x):
    z = np.nan_to_num(x)
    signal = z[:, 0] * (z[:, 3] > 0) + np.sin(z[:, 1]) * z[:, 2] + (z[:, 4] > 1)
    return (signal + random.normal(0, 1, len(x)) > 0.5).astype(int)


train, asked = rows(500), rows(12)
target = labels(train)


def case(name, text, model):
    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    values = np.asarray(explainer.shap_values(asked), dtype=float)
    if values.ndim == 3:
        values = values[-1]
    baseline = float(np.ravel(explainer.expected_value)[-1])
    return {"format": name, "model": text, "baseline": baseline, "contributions": values.tolist()}


with tempfile.NamedTemporaryFile(suffix=".json") as file:
    booster = xgboost.XGBClassifier(n_estimators=8, max_depth=4, learning_rate=0.3, random_state=1)
    booster.fit(train, target)
    booster.get_booster().save_model(file.name)
    of_xgboost = case("xgboost-json", open(file.name, encoding="utf-8").read(), booster)

gbm = lightgbm.LGBMClassifier(n_estimators=8, num_leaves=12, min_child_samples=5, random_state=1, verbose=-1)
gbm.fit(train, target)
of_lightgbm = case("lightgbm-text", gbm.booster_.model_to_string(), gbm)

json.dump(
    {
        "versions": {"python": platform.python_version()}
        | {module.__name__: module.__version__ for module in (np, shap, xgboost, lightgbm)},
        # No number stands for a missing value.
        "rows": [[None if np.isnan(x) else float(x) for x in row] for row in asked],
        "cases": [of_xgboost, of_lightgbm],
    },
    sys.stdout,
    indent=1,
)
print()
