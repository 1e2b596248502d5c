"""The whole pipeline beside tuned scikit-learn, XGBoost and LightGBM: the same splits, one run.

Called by `cargo xtask bench quality`. Every engine gets the training part of a grouped split (rows with equal
features on one side) and tunes itself there: the peers by a random search with grouped folds and the log loss, Picket by
`trainer run` as a user would call it. All are measured on the test part, which none has seen. The positive class is
the threat; peers decide at 0.5, Picket at the threshold in its artifact.

One JSON object a line goes to --json: bench, data, engine, metric, mean, sd, n; and for each peer the difference
(Picket minus peer) with its 95 % interval by the corrected resampled t-test (Nadeau and Bengio, Machine Learning 52, 2003).
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import lightgbm
import numpy as np
import pandas as pd
import scipy.stats
import sklearn
import xgboost
from labelled_rows import DATA, splits
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.metrics import brier_score_loss, f1_score, roc_auc_score
from sklearn.model_selection import RandomizedSearchCV, StratifiedGroupKFold

METRICS = ["f1", "roc_auc", "brier"]
PICKET = "Picket pipeline"


def tuned(args, features):
    """Name, estimator, parameters to draw from, and the table that the estimator can read."""
    categorical = [c for c in features.columns if not pd.api.types.is_numeric_dtype(features[c])]
    coded, as_category = features.copy(), features.copy()
    for column in categorical:
        as_category[column] = as_category[column].astype("category")
        coded[column] = as_category[column].cat.codes
    bagged = {
        "n_estimators": [300],
        "min_samples_leaf": [1, 2, 3, 5],
        "max_features": ["sqrt", 0.3, 0.5],
        "criterion": ["gini", "entropy"],
    }
    boosted = {
        "n_estimators": [100, 200, 300, 500, 800],
        "learning_rate": [0.02, 0.03, 0.05, 0.08, 0.12],
        "subsample": [0.6, 0.8, 1.0],
        "colsample_bytree": [0.4, 0.6, 0.8, 1.0],
        "reg_lambda": [0.0, 0.3, 1.0, 3.0, 10.0],
    }
    one = {"random_state": 0, "n_jobs": 1}
    return {
        "scikit-learn forest": (RandomForestClassifier(**one), bagged, coded),
        "scikit-learn extra-trees": (ExtraTreesClassifier(**one), bagged, coded),
        "XGBoost": (
            xgboost.XGBClassifier(enable_categorical=True, **one),
            boosted | {"max_depth": [4, 6, 8, 10, 12], "min_child_weight": [0.1, 0.3, 1.0, 3.0]},
            as_category,
        ),
        "LightGBM": (
            lightgbm.LGBMClassifier(verbose=-1, subsample_freq=1, **one),
            boosted | {"num_leaves": [15, 31, 63, 127], "min_child_samples": [2, 5, 10, 20]},
            as_category,
        ),
    }


def measure(positive, probability, decided):
    return {
        "f1": f1_score(positive, decided),
        "roc_auc": roc_auc_score(positive, probability),
        "brier": brier_score_loss(positive, probability),
    }


def picket(args, table, train, test, positive, name):
    """Runs the pipeline from the command line and scores through the artifact."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        paths = {part: folder / f"{part}.csv" for part in ("train", "test", "scored")}
        table.iloc[train].to_csv(paths["train"], index=False)
        table.iloc[test].to_csv(paths["test"], index=False)
        schema = pathlib.Path(args.schemas) / f"{name}.toml"
        command = [args.trainer, "run", "--data", paths["train"], "--schema", schema, "--artifacts", folder / "runs"]
        command += ["--threads", args.threads, "--seed", args.seed, "--json"]
        if args.pipeline:
            command[2:2] = [args.pipeline]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"trainer run: {done.stderr[-2000:]}")
        model = json.loads(done.stdout)["model"]
        command = [args.trainer, "score", "--model", model, "--data", paths["test"], "--out", paths["scored"]]
        subprocess.run([str(word) for word in command], check=True, capture_output=True)
        inspected = subprocess.run(
            [args.trainer, "inspect", model, "--json"], check=True, capture_output=True, text=True
        )
        contents = json.loads(inspected.stdout)
        scored = pd.read_csv(paths["scored"])
        decided = scored["score"] >= contents["decision"]["threshold"]
        return measure(positive[test], scored["score"], decided), contents["algorithm"]


def difference(ours, theirs, test_share):
    """Mean difference and its 95 % interval; splits overlap, so the variance is corrected."""
    gaps = np.array(ours) - np.array(theirs)
    n = len(gaps)
    if n < 2:
        return gaps.mean(), float("nan"), float("nan")
    error = np.sqrt((1 / n + test_share / (1 - test_share)) * gaps.var(ddof=1))
    reach = scipy.stats.t.ppf(0.975, n - 1) * error
    return gaps.mean(), gaps.mean() - reach, gaps.mean() + reach


def bench(args, name, n_splits, write):
    source = DATA[name]
    table = pd.read_csv(pathlib.Path(args.data) / source["file"])
    positive = source["positive"](table[source["label"]]).to_numpy()
    features = table.drop(columns=[source["label"], *source["drop"]])
    groups = features.groupby(list(features.columns), sort=False).ngroup().to_numpy()
    results, seconds, chosen = {}, {}, []
    for number, (train, test) in enumerate(splits(features, positive, "grouped", n_splits, args.seed)):
        probabilities = {}
        for peer, (estimator, space, encoded) in tuned(args, features).items():
            began = time.monotonic()
            search = RandomizedSearchCV(
                estimator,
                space,
                n_iter=args.draws,
                scoring="neg_log_loss",
                cv=StratifiedGroupKFold(args.folds, shuffle=True, random_state=0),
                random_state=number,
                n_jobs=args.threads,
            )
            search.fit(encoded.iloc[train], positive[train], groups=groups[train])
            probabilities[peer] = search.predict_proba(encoded.iloc[test])[:, 1]
            seconds.setdefault(peer, []).append(time.monotonic() - began)
        mixed = ["XGBoost", "LightGBM", "scikit-learn extra-trees"]
        probabilities["average of the last three"] = np.mean([probabilities[peer] for peer in mixed], axis=0)
        for peer, probability in probabilities.items():
            results.setdefault(peer, []).append(measure(positive[test], probability, probability >= 0.5))
        began = time.monotonic()
        got, algorithm = picket(args, table, train, test, positive, name)
        seconds.setdefault(PICKET, []).append(time.monotonic() - began)
        results.setdefault(PICKET, []).append(got)
        chosen.append(algorithm)
        print(f"  {name}: {number + 1} of {n_splits} splits, Picket chose {algorithm}", file=sys.stderr)
    print(f"\n{name}, grouped 80/20, {n_splits} splits, {args.draws} draws x {args.folds} folds a peer, mean ± sd")
    print(f"{'engine':26} {'F1':>16} {'ROC-AUC':>16} {'Brier':>16} {'seconds':>9}")
    for engine, rows in results.items():
        line = f"{engine:26}"
        for metric in METRICS:
            values = [row[metric] for row in rows]
            mean, sd = statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0
            line += f"  {mean:7.4f} ± {sd:.4f}"
            write({"data": name, "engine": engine, "metric": metric, "mean": mean, "sd": sd, "n": len(values)})
        took = seconds.get(engine)
        print(line + (f"  {statistics.mean(took):8.1f}" if took else ""))
    print(f"\nPicket minus peer, with 95 % interval\n{'engine':26} {'F1':>32} {'Brier':>32}")
    for engine, rows in results.items():
        if engine == PICKET:
            continue
        line = f"{engine:26}"
        for metric in ("f1", "brier"):
            ours, theirs = ([row[metric] for row in of] for of in (results[PICKET], rows))
            mean, low, high = difference(ours, theirs, 0.2)
            line += f"  {mean:+.4f} ({low:+.4f} to {high:+.4f})"
            write({"data": name, "engine": engine, "metric": f"{metric}_gain", "mean": mean, "low": low, "high": high})
        print(line)
    print(f"chosen: {', '.join(chosen)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="folder with phishing.csv and nsl-kdd.csv")
    parser.add_argument("--schemas", required=True)
    parser.add_argument("--trainer", required=True)
    parser.add_argument("--pipeline", help="a pipeline file for Picket")
    parser.add_argument("--only", default="phishing", help="phishing or nsl-kdd")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--draws", type=int, default=25, help="of each peer's random search")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json")
    args = parser.parse_args()

    def write(record):
        if args.json:
            with open(args.json, "a", encoding="utf-8") as out:
                out.write(json.dumps({"bench": "quality"} | record) + "\n")

    versions = {m.__name__: m.__version__ for m in (sklearn, xgboost, lightgbm)}
    print(f"{versions}, {args.threads} threads")
    started = time.monotonic()
    bench(args, args.only, args.splits, write)
    print(f"\n{time.monotonic() - started:.0f} s in all")


if __name__ == "__main__":
    main()
