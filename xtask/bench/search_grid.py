"""The grid of the usual Python phishing projects: scikit-learn's GridSearchCV beside `trainer search`, one thread each.

Called by `cargo xtask bench search`. Six kinds of models, three folds, the same numbers of candidates and trees on both
sides. scikit-learn ranks by accuracy, as those projects do, and so does Picket here. Times are whole processes' wall
clock for Picket (reading the CSV included) and the search alone for scikit-learn.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import pandas as pd
import sklearn
from labelled_rows import DATA
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

N_TREES = [8, 16, 32, 64, 128, 256]


def scikit_learn(seed):
    return {
        "logistic": (LogisticRegression(max_iter=1000), {"C": [1.0]}),
        "tree": (DecisionTreeClassifier(random_state=seed), {"max_depth": [4, 8, 16]}),
        "forest": (RandomForestClassifier(random_state=seed), {"n_estimators": N_TREES}),
        "adaboost": (
            AdaBoostClassifier(random_state=seed),
            {"n_estimators": N_TREES, "learning_rate": [0.1, 0.01, 0.001]},
        ),
        "boosting": (
            GradientBoostingClassifier(random_state=seed),
            {"n_estimators": N_TREES, "learning_rate": [0.1, 0.05, 0.01], "max_depth": [3]},
        ),
        "knn": (KNeighborsClassifier(), {"n_neighbors": [3, 5, 9]}),
    }


PICKET = """
seed = 1
[split]
kind = "random"
[search]
folds = 3
metric = "accuracy"
blend = false
[[search.candidates]]
model = "logistic"
l2 = 1.0
[[search.candidates]]
model = "tree"
max_depth = [4, 8, 16]
[[search.candidates]]
model = "forest"
n_trees = [8, 16, 32, 64, 128, 256]
[[search.candidates]]
model = "adaboost"
n_estimators = [8, 16, 32, 64, 128, 256]
learning_rate = [0.1, 0.01, 0.001]
[[search.candidates]]
model = "boosting"
n_trees = [8, 16, 32, 64, 128, 256]
learning_rate = [0.1, 0.05, 0.01]
max_depth = 3
[[search.candidates]]
model = "knn"
n_neighbours = [3, 5, 9]
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--schemas", required=True)
    parser.add_argument("--trainer", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json")
    args = parser.parse_args()
    source = DATA["phishing"]
    file = pathlib.Path(args.data) / source["file"]
    table = pd.read_csv(file)
    positive = source["positive"](table[source["label"]]).to_numpy()
    features = table.drop(columns=[source["label"], *source["drop"]]).to_numpy()
    print(f"scikit-learn {sklearn.__version__}; {len(table)} rows, 3 folds, one thread")
    rounds = []
    for _ in range(args.rounds):
        round_ = {}
        began = time.monotonic()
        for name, (estimator, grid) in scikit_learn(args.seed).items():
            kind_began = time.monotonic()
            search = GridSearchCV(estimator, grid, cv=3, scoring="accuracy", n_jobs=1).fit(features, positive)
            round_[f"scikit-learn {name}"] = time.monotonic() - kind_began
            round_[f"best {name}"] = search.best_score_
        round_["scikit-learn"] = time.monotonic() - began
        with tempfile.TemporaryDirectory() as folder:
            pipeline = pathlib.Path(folder) / "grid.toml"
            pipeline.write_text(PICKET, encoding="utf-8")
            schema = pathlib.Path(args.schemas) / "phishing.toml"
            command = [args.trainer, "search", pipeline, "--data", file, "--schema", schema, "--threads", "1", "--json"]
            began = time.monotonic()
            done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
            round_["picket"] = time.monotonic() - began
            records = json.loads(done.stdout)["candidates"]
            for record in records:
                name = f"picket {record['model']}"
                round_[name] = round_.get(name, 0.0) + sum(fold["seconds"] for fold in record["folds"])
        rounds.append(round_)
        print(f"  scikit-learn {round_['scikit-learn']:.1f} s, Picket {round_['picket']:.1f} s")
    median = {name: sorted(r[name] for r in rounds)[len(rounds) // 2] for name in rounds[0]}
    print(f"\n{'kind':10} {'scikit-learn':>13} {'Picket':>9} {'ratio':>7}")
    for name in [*scikit_learn(args.seed), ""]:
        theirs = median[f"scikit-learn {name}".strip()]
        ours = median[f"picket {name}".strip()]
        print(f"{name or 'all':10} {theirs:11.2f} s {ours:7.2f} s {ours / theirs:7.2f}")
        if args.json:
            record = {"bench": "search", "kind": name or "all", "scikit_learn_s": theirs, "picket_s": ours}
            with open(args.json, "a", encoding="utf-8") as out:
                out.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
