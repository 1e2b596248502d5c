"""What the HTTP bench needs from Python: the peer's model as a pickle, and the bodies that are sent.

Called by `cargo xtask bench http`. The bodies are all rows of the data, one JSON object a line; the load
sends them in random order.
"""

import argparse
import json
import pathlib

import joblib
import pandas as pd
from sklearn.ensemble import RandomForestClassifier


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="the CSV file")
    parser.add_argument("--label", required=True)
    parser.add_argument("--positive", required=True, help="the label's value of the positive class")
    parser.add_argument("--trees", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", required=True, help="the folder for forest.pickle and bodies.ndjson")
    args = parser.parse_args()
    out = pathlib.Path(args.out)
    table = pd.read_csv(args.data)
    features = table.drop(columns=[args.label])
    forest = RandomForestClassifier(args.trees, random_state=args.seed, n_jobs=1)
    forest.fit(features, table[args.label].astype(str) == args.positive)
    joblib.dump(forest, out / "forest.pickle")
    with open(out / "bodies.ndjson", "w", encoding="utf-8") as bodies:
        for row in features.to_dict(orient="records"):
            bodies.write(json.dumps({"features": row}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
