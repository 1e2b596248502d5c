"""Quality of Picket's learners beside scikit-learn, XGBoost and LightGBM: the same splits, one run.

Called by `cargo xtask bench learners`. A grouped split keeps rows with equal features on one side, so
that no test row was seen in training. The positive class is the threat. Peers decide at 0.5, Picket at
the threshold that training chose without the test rows.

One JSON object a line goes to --json: bench, data, split, engine, metric, mean, sd, n.
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
import sklearn
import xgboost
from labelled_rows import DATA, splits
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import brier_score_loss, f1_score, roc_auc_score

METRICS = ["f1", "roc_auc", "brier"]


def peers(features, n_trees, threads):
    """Name and a function (train_x, train_y, test_x) -> probability of the positive class."""
    categorical = [c for c in features.columns if not pd.api.types.is_numeric_dtype(features[c])]
    coded = features.copy()
    for column in categorical:
        coded[column] = coded[column].astype("category").cat.codes
    as_category = features.copy()
    for column in categorical:
        as_category[column] = as_category[column].astype("category")
    forest = lambda: RandomForestClassifier(n_trees, random_state=0, n_jobs=threads)
    xgb = lambda: xgboost.XGBClassifier(
        n_estimators=n_trees, random_state=0, n_jobs=threads, enable_categorical=True
    )
    lgbm = lambda: lightgbm.LGBMClassifier(n_estimators=n_trees, random_state=0, n_jobs=threads, verbose=-1)
    return {
        "scikit-learn forest": (forest, coded),
        "XGBoost": (xgb, as_category),
        "LightGBM": (lgbm, as_category),
    }


def measure(positive, probability, decided):
    return {
        "f1": f1_score(positive, decided),
        "roc_auc": roc_auc_score(positive, probability),
        "brier": brier_score_loss(positive, probability),
    }


def picket(args, table, train, test, positive, name, folder):
    """Trains through the command line and scores through the artifact, as a user would."""
    paths = {part: folder / f"{part}.csv" for part in ("train", "test", "scored")}
    table.iloc[train].to_csv(paths["train"], index=False)
    table.iloc[test].to_csv(paths["test"], index=False)
    model, schema = folder / "model.picket", pathlib.Path(args.schemas) / f"{name[0]}.toml"
    command = [args.trainer, "train", "--data", paths["train"], "--schema", schema, "--out", model]
    command += ["--model", name[1], "--trees", str(args.trees), "--threads", str(args.threads)]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    command = [args.trainer, "score", "--model", model, "--data", paths["test"], "--out", paths["scored"]]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    scored = pd.read_csv(paths["scored"])
    inspected = subprocess.run(
        [args.trainer, "inspect", str(model), "--json"], check=True, capture_output=True, text=True
    )
    threshold = json.loads(inspected.stdout)["decision"]["threshold"]
    return measure(positive[test], scored["score"], scored["score"] >= threshold)


def bench(args, name, kind, n_splits):
    source = DATA[name]
    table = pd.read_csv(pathlib.Path(args.data) / source["file"])
    positive = source["positive"](table[source["label"]]).to_numpy()
    features = table.drop(columns=[source["label"], *source["drop"]])
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for train, test in splits(features, positive, kind, n_splits, args.seed):
            for peer, (make, encoded) in peers(features, args.trees, args.threads).items():
                fitted = make().fit(encoded.iloc[train], positive[train])
                probability = fitted.predict_proba(encoded.iloc[test])[:, 1]
                results.setdefault(peer, []).append(measure(positive[test], probability, probability >= 0.5))
            for model in args.models.split(","):
                got = picket(args, table, train, test, positive, (name, model), pathlib.Path(folder))
                results.setdefault(f"Picket {model}", []).append(got)
            print(f"  {name}, {kind}: {len(results['XGBoost'])} of {n_splits} splits", file=sys.stderr)
    print(f"\n{name}, {kind} 80/20, {n_splits} splits, {args.trees} trees, mean ± sd")
    print(f"{'engine':22} {'F1':>16} {'ROC-AUC':>16} {'Brier':>16}")
    for engine, rows in results.items():
        line = f"{engine:22}"
        for metric in METRICS:
            values = [row[metric] for row in rows]
            mean, sd = statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0
            line += f"  {mean:7.4f} ± {sd:.4f}"
            if args.json:
                record = {"bench": "learners", "data": name, "split": kind, "engine": engine}
                record |= {"metric": metric, "mean": mean, "sd": sd, "n": len(values)}
                with open(args.json, "a", encoding="utf-8") as out:
                    out.write(json.dumps(record) + "\n")
        print(line)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="folder with phishing.csv and nsl-kdd.csv")
    parser.add_argument("--schemas", required=True)
    parser.add_argument("--trainer", required=True)
    parser.add_argument("--models", default="forest,extra-trees,boosting")
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="such as phishing:grouped")
    parser.add_argument("--json")
    args = parser.parse_args()
    versions = {m.__name__: m.__version__ for m in (sklearn, xgboost, lightgbm)}
    print(f"{versions}, {args.threads} threads")
    started = time.monotonic()
    wanted = [("phishing", "grouped", args.splits), ("phishing", "random", args.splits), ("nsl-kdd", "grouped", 2)]
    for name, kind, n_splits in wanted:
        if args.only in ("", f"{name}:{kind}"):
            bench(args, name, kind, n_splits)
    print(f"\n{time.monotonic() - started:.0f} s in all")


if __name__ == "__main__":
    main()
