"""Imported models beside the libraries that trained them, on the same rows, missing values included.

Called by `cargo xtask bench import`. Each model is trained here, written in its library's own format, imported by
`trainer import` and scored by `trainer score --margin`. The peer's own prediction of the raw score (for ONNX:
onnxruntime's) must agree within the bound that the import's certificate states. Rows are rows of the data, rows with
every fifth value missing, and rows whose numbers stand on the model's thresholds and next to them.

One JSON object a line goes to --json: bench, model, n_rows, n_bytes, max_difference, bound.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime
import pandas as pd
import skl2onnx
import sklearn
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier

DATA = {
    "phishing": {"file": "phishing.csv", "label": "Result", "positive": lambda y: y == -1, "drop": []},
    "nsl-kdd": {
        "file": "nsl-kdd.csv",
        "label": "attack",
        "positive": lambda y: y != "normal",
        "drop": ["difficulty"],
    },
}


class Data:
    """A data set in the codings that the peers take."""

    def __init__(self, args, name, folder):
        source = DATA[name]
        table = pd.read_csv(pathlib.Path(args.data) / source["file"])
        self.name = name
        self.positive = source["positive"](table[source["label"]]).to_numpy().astype(int)
        self.frame = table.drop(columns=[source["label"], *source["drop"]])
        self.categorical = [c for c in self.frame if not pd.api.types.is_numeric_dtype(self.frame[c])]
        numeric = [c for c in self.frame if c not in self.categorical]
        # A row holds 32 bits a number.
        self.frame[numeric] = self.frame[numeric].astype(np.float32).astype(np.float64)
        text = (pathlib.Path(args.schemas) / f"{name}.toml").read_text(encoding="utf-8")
        # Every number may be asked for, and every value may be missing: thresholds lie outside a narrow domain.
        wide = "domain = { range = [-1e30, 1e30] }"
        text = re.sub(r"domain = \{ (values|range) = \[[^\]]*\] \}", wide, text)
        text = re.sub(r'missing = "\w+"\n', "", text).replace("[[features]]\n", '[[features]]\nmissing = "accept"\n')
        self.schema = folder / f"{name}.toml"
        self.schema.write_text(text, encoding="utf-8")
        listed = re.findall(r'name = "(\w+)"\ndomain = \{ categories = (\[[^\]]*\])', text)
        # The order of the schema is that of codes where a format has no names.
        self.categories = {column: json.loads(re.sub(r",\s*\]", "]", names)) for column, names in listed}
        for column in self.categorical:
            self.frame[column] = self.frame[column].astype("category")

    def coded(self, frame):
        """Categories as the schema's codes, all in 32 bits."""
        frame = frame.copy()
        for column in self.categorical:
            code = {name: at for at, name in enumerate(self.categories[column])}
            frame[column] = frame[column].astype(object).map(code).astype(np.float64)
        return frame.to_numpy(np.float32)

    def probes(self, thresholds, n_rows, seed):
        """Rows to compare on. `thresholds` has a list of numbers a column."""
        random = np.random.default_rng(seed)
        rows = self.frame.iloc[random.integers(0, len(self.frame), 3 * n_rows)].reset_index(drop=True)
        edges = rows.index >= 2 * n_rows
        for at, column in enumerate(rows.columns):
            if column in self.categorical:
                values = rows[column].astype(object)
            else:
                values = rows[column].to_numpy().copy()
                known = np.array(sorted(thresholds.get(at, [])), np.float32)
                if len(known):
                    picked = random.choice(known, edges.sum())
                    side = random.integers(0, 3, edges.sum())
                    up, down = np.nextafter(picked, np.float32(np.inf)), np.nextafter(picked, np.float32(-np.inf))
                    picked = np.select([side == 0, side == 1], [picked, up], down)
                    inside = (np.abs(picked) < 1e30) & np.isfinite(picked)
                    values[edges] = np.where(inside, picked, values[edges])
                values = pd.Series(values)
            missing = (random.random(len(rows)) < 0.2) & (rows.index >= n_rows)
            values[missing] = None if column in self.categorical else np.nan
            if column in self.categorical:
                values = pd.Categorical(values, categories=self.frame[column].cat.categories)
            rows[column] = values
        return rows


def xgb_thresholds(booster, names):
    table = booster.trees_to_dataframe().dropna(subset=["Split"])
    return by_column((names.index(f), x) for f, x in zip(table["Feature"], table["Split"]))


def lgb_thresholds(booster, names):
    table = booster.trees_to_dataframe()
    table = table[table["decision_type"] == "<="]
    return by_column((names.index(f), x) for f, x in zip(table["split_feature"], table["threshold"].astype(float)))


def onnx_thresholds(model):
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in model.graph.node[0].attribute}
    modes, values = attributes["nodes_modes"], attributes["nodes_values"]
    splits = zip(attributes["nodes_featureids"], values, modes)
    return by_column((feature, value) for feature, value, mode in splits if mode != b"LEAF")


def by_column(pairs):
    columns = {}
    for column, value in pairs:
        columns.setdefault(column, set()).add(value)
    return columns


def xgb(data, n_rounds=200, **parameters):
    """XGBoost's JSON."""
    frame = data.frame
    parameters = {"objective": "binary:logistic", "max_depth": 6, "seed": 1, **parameters}
    booster = xgboost.train(parameters, xgboost.DMatrix(frame, data.positive, enable_categorical=True), n_rounds)

    def save(path):
        booster.save_model(path)

    def predict(rows):
        matrix = xgboost.DMatrix(rows, enable_categorical=True)
        # dart drops trees in training only where it is told so.
        return booster.predict(matrix, output_margin=True, training=False)

    return "xgboost-json", ".json", save, predict, xgb_thresholds(booster, list(frame.columns))


def lgb(data, n_rounds=200, **parameters):
    """LightGBM's text."""
    frame = data.frame
    parameters = {"objective": "binary", "verbose": -1, "seed": 1, **parameters}
    booster = lightgbm.train(parameters, lightgbm.Dataset(frame, data.positive), n_rounds)
    names = [name.replace(" ", "_") for name in frame.columns]
    thresholds = lgb_thresholds(booster, names)
    return "lightgbm-text", ".txt", booster.save_model, lambda rows: booster.predict(rows, raw_score=True), thresholds


def as_onnx(data, model):
    """An ONNX file, and onnxruntime's score of class 1 before any post-transform."""
    raw = onnx.ModelProto()
    raw.CopyFrom(model)
    for attribute in raw.graph.node[0].attribute:
        if attribute.name == "post_transform":
            attribute.s = b"NONE"
    # ZipMap would make a list of maps.
    trees = raw.graph.node[0]
    del raw.graph.node[1:]
    del raw.graph.output[:]
    raw.graph.output.append(onnx.helper.make_tensor_value_info(trees.output[1], onnx.TensorProto.FLOAT, [None, 2]))
    session = onnxruntime.InferenceSession(raw.SerializeToString())
    name = session.get_inputs()[0].name

    def predict(rows):
        return session.run(None, {name: data.coded(rows)})[0][:, 1]

    return "onnx", ".onnx", lambda path: onnx.save(model, path), predict, onnx_thresholds(model)


def by_skl2onnx(data, estimator):
    rows = data.coded(data.frame)
    return as_onnx(data, skl2onnx.to_onnx(estimator.fit(rows, data.positive), rows[:1]))


def by_onnxmltools(data, kind):
    rows = data.coded(data.frame)
    inputs = [("X", FloatTensorType([None, rows.shape[1]]))]
    if kind == "xgboost":
        fitted = xgboost.XGBClassifier(n_estimators=50, random_state=1).fit(rows, data.positive)
        return as_onnx(data, onnxmltools.convert_xgboost(fitted, initial_types=inputs))
    at = [data.frame.columns.get_loc(column) for column in data.categorical]
    fitted = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, min_data_per_group=5, random_state=1)
    fitted.fit(rows.astype(np.float64), data.positive, categorical_feature=at)
    return as_onnx(data, onnxmltools.convert_lightgbm(fitted, initial_types=inputs))


CASES = {
    "xgboost gbdt 200 x 6": ("phishing", xgb),
    "xgboost categories": ("nsl-kdd", lambda d: xgb(d, 60, max_cat_to_onehot=4)),
    "xgboost dart": ("phishing", lambda d: xgb(d, 40, booster="dart", rate_drop=0.3)),
    "xgboost logitraw": ("phishing", lambda d: xgb(d, 20, objective="binary:logitraw", base_score=0.3)),
    "xgboost forest": ("phishing", lambda d: xgb(d, 2, num_parallel_tree=20, subsample=0.7)),
    "lightgbm gbdt": ("phishing", lgb),
    "lightgbm sigmoid 2": ("phishing", lambda d: lgb(d, 40, sigmoid=2.0)),
    "lightgbm categories": ("nsl-kdd", lambda d: lgb(d, 60, min_data_per_group=5)),
    "lightgbm zero as missing": ("nsl-kdd", lambda d: lgb(d, 40, zero_as_missing=True)),
    "lightgbm without missing": ("nsl-kdd", lambda d: lgb(d, 40, use_missing=False)),
    "lightgbm forest": (
        "phishing",
        lambda d: lgb(d, 50, boosting="rf", bagging_freq=1, bagging_fraction=0.7),
    ),
    "skl2onnx forest 100": ("phishing", lambda d: by_skl2onnx(d, RandomForestClassifier(100, random_state=1))),
    "skl2onnx extra-trees": ("nsl-kdd", lambda d: by_skl2onnx(d, ExtraTreesClassifier(20, random_state=1))),
    "skl2onnx tree": ("nsl-kdd", lambda d: by_skl2onnx(d, DecisionTreeClassifier(random_state=1))),
    "skl2onnx boosting": ("nsl-kdd", lambda d: by_skl2onnx(d, GradientBoostingClassifier(random_state=1))),
    "skl2onnx hist boosting": (
        "phishing",
        lambda d: by_skl2onnx(d, HistGradientBoostingClassifier(max_iter=20, random_state=1)),
    ),
    "onnxmltools xgboost": ("phishing", lambda d: by_onnxmltools(d, "xgboost")),
    "onnxmltools lightgbm": ("nsl-kdd", lambda d: by_onnxmltools(d, "lightgbm")),
}


def call(args, *words):
    done = subprocess.run([args.trainer, *[str(word) for word in words]], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout


def compare(args, data, made, folder):
    """Imports, scores by both, and gives bytes, rows, the largest difference and its bound."""
    source, suffix, save, predict, thresholds = made
    file, model = folder / f"model{suffix}", folder / "model.picket"
    save(str(file))
    command = ["import", file, "--from", source, "--schema", data.schema, "--out", model, "--json"]
    command += ["--positive-class-index", "1", "--seed", args.seed, "--rows", args.rows]
    report = json.loads(call(args, *command))
    rows = data.probes(thresholds, args.rows, args.seed)
    table, scored = folder / "rows.csv", folder / "scored.csv"
    rows.to_csv(table, index=False)
    call(args, "score", "--model", model, "--data", table, "--out", scored, "--margin")
    ours = pd.read_csv(scored)["margin"].to_numpy()
    theirs = np.asarray(predict(rows), np.float64)
    bound = report["certificate"]["max_difference_own_type_bound"]
    return model.stat().st_size, len(rows), np.abs(ours - theirs).max(), bound


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="folder with phishing.csv and nsl-kdd.csv")
    parser.add_argument("--schemas", required=True)
    parser.add_argument("--trainer", required=True)
    parser.add_argument("--rows", type=int, default=2000, help="rows of each of the three kinds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="a word of the model's name")
    parser.add_argument("--json")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    modules = [xgboost, lightgbm, sklearn, skl2onnx, onnxmltools, onnxruntime]
    print({module.__name__: module.__version__ for module in modules})
    print(f"{'model':26} {'rows':>6} {'bytes':>8} {'difference':>11} {'bound':>11}")
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        sets = {name: Data(args, name, folder) for name in DATA}
        for name, (data, make) in CASES.items():
            if args.only not in name:
                continue
            try:
                made = make(sets[data])
            except (ValueError, RuntimeError) as error:
                # A converter that cannot write its model leaves nothing to import.
                print(f"{name:26} not written by its converter: {str(error).splitlines()[0][:80]}")
                continue
            n_bytes, n_rows, difference, bound = compare(args, sets[data], made, folder)
            verdict = "" if difference <= bound else "  DIFFERS"
            wrong += verdict != ""
            print(f"{name:26} {n_rows:6} {n_bytes:8} {difference:11.3e} {bound:11.3e}{verdict}", flush=True)
            if args.json:
                record = {"bench": "import", "model": name, "n_rows": n_rows, "n_bytes": n_bytes}
                record |= {"max_difference": float(difference), "bound": bound}
                with open(args.json, "a", encoding="utf-8") as out:
                    out.write(json.dumps(record) + "\n")
    if wrong:
        sys.exit(f"{wrong} of the models differ from their library by more than the bound")


if __name__ == "__main__":
    main()
