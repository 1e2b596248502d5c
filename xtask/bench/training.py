"""Time, memory and quality of training beside scikit-learn, XGBoost and LightGBM.

Called by `cargo xtask bench training`. Every engine fits the same rows of a grouped split in a process
of its own, one after the other, in an order that turns with the rounds. A fit starts from arrays in
memory and ends with a model that can answer. A process reports

  fit      seconds of the fit alone, the median of its repetitions
  cpu      processor seconds of the same: the honest number on a busy machine
  command  seconds from the start of the process to the first fitted model, reading CSV included
  peak     highest resident memory of the process up to then, MB
  growth   how much of it the first fit added to what was resident before it, MB
  auc      ROC-AUC on the test rows, with a 95 % interval from resampled groups of equal rows

`trainer train` does more than a fit (calibration by cross-fitting, a test, a second fit): its time is
shown as `train` and compared with nothing.

The million rows are resampled phishing rows in which 5 % of the entries were replaced by a random value
of their column. One JSON object a line goes to --json: bench, shape, mode, host, engine, what, value,
unit, and low and high where there is an interval.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from grouped_auc import GroupedAuc

PEERS = {"forest": ["sklearn"], "gbdt": ["xgboost", "lightgbm"]}
N_TREES = {"forest": 100, "gbdt": 200}
DEPTH, RATE = 6, 0.1
PICKET = {
    "forest": ["--model", "forest", "--trees", str(N_TREES["forest"])],
    # Every tree may ask for every feature, as the peers' may.
    "gbdt": ["--model", "boosting", "--trees", str(N_TREES["gbdt"]), "--depth", str(DEPTH)]
    + ["--learning-rate", str(RATE), "--column-fraction", "1"],
}
UNITS = {"fit": "s", "cpu": "s", "command": "s", "train": "s", "peak": "MB", "growth": "MB", "auc": "auc"}
# The highest ratio to a peer that is wanted, of time and of memory.
TARGETS = {
    ("phishing", "forest", "sklearn"): 0.33,
    ("phishing", "gbdt", "xgboost"): 0.8,
    ("phishing", "gbdt", "lightgbm"): 0.7,
    ("nsl-kdd", "forest", "sklearn"): 0.33,
    ("nsl-kdd", "gbdt", "xgboost"): 0.8,
    ("nsl-kdd", "gbdt", "lightgbm"): 0.7,
    ("million", "forest", "sklearn"): 0.25,
    ("million", "gbdt", "lightgbm"): 0.8,
}
MEMORY_TARGET = 0.5
# Rounds, repetitions of a fit in one process.
MODES = {"phishing": (3, 5), "nsl-kdd": (3, 3), "million": (1, 1)}
N_MILLION = 1_000_000
N_TEST = 50_000
SCHEMAS = {"phishing": "phishing", "nsl-kdd": "nsl-kdd", "million": "phishing"}


def million(source, folder, seed):
    """Writes 1,000,000 training rows and 50,000 test rows; no test row equals a training row."""
    import numpy as np
    import pandas as pd

    paths = [folder / f"million-{seed}-{part}.csv" for part in ("train", "test")]
    if all(path.exists() for path in paths):
        return paths
    print("generating the million rows", file=sys.stderr)
    table = pd.read_csv(source)
    names = [name for name in table.columns if name != "Result"]
    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(table), N_MILLION * 5 // 4)
    values = table[names].to_numpy(dtype=np.int8)[drawn]
    for column in range(len(names)):
        levels = np.unique(table[names[column]].to_numpy(dtype=np.int8))
        flipped = random.random(len(drawn)) < 0.05
        values[flipped, column] = random.choice(levels, flipped.sum())
    _, group = np.unique(values, axis=0, return_inverse=True)
    group = group.reshape(-1)
    sizes = np.bincount(group)
    order = random.permutation(len(sizes))
    # The units that fit in the test part first; what is too many after that is dropped at random.
    held_out = order[np.cumsum(sizes[order]) <= len(drawn) - N_MILLION]
    is_test = np.isin(group, held_out)
    train = random.permutation(np.flatnonzero(~is_test))[:N_MILLION]
    test = random.permutation(np.flatnonzero(is_test))[:N_TEST]
    for path, rows in zip(paths, (train, test)):
        part = pd.DataFrame(values[rows], columns=names)
        part["Result"] = table["Result"].to_numpy()[drawn[rows]]
        part.to_csv(path, index=False)
    return paths


def parts(args, mode, at):
    """The paths of the training and the test rows of round `at`."""
    import numpy as np
    import pandas as pd
    from labelled_rows import DATA, splits

    folder = pathlib.Path(args.work)
    folder.mkdir(parents=True, exist_ok=True)
    if mode == "million":
        return million(pathlib.Path(args.data) / "phishing.csv", folder, args.seed + at)
    source = DATA[mode]
    table = pd.read_csv(pathlib.Path(args.data) / source["file"])
    features = table.drop(columns=[source["label"], *source["drop"]])
    rows = next(splits(features, np.zeros(len(table)), "grouped", 1, args.seed + at))
    paths = [folder / f"{mode}-{part}.csv" for part in ("train", "test")]
    for path, part in zip(paths, rows):
        table.iloc[part].to_csv(path, index=False)
    return paths


def memory(field):
    """VmRSS or VmHWM of this process in MB."""
    for line in open("/proc/self/status", encoding="ascii"):
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/self/status has no {field}")


def work(job):
    """A peer's process: reads, fits, says so, then scores."""
    import numpy as np
    import pandas as pd
    from labelled_rows import DATA

    mode = SCHEMAS[job["mode"]]
    source, threads = DATA[mode], job["threads"]

    # Numbers are read as what they become, or pandas would hold them twice as wide.
    head = pd.read_csv(job["train"], nrows=1000)
    numeric = [name for name in head.columns if pd.api.types.is_numeric_dtype(head[name])]

    def read(path):
        table = pd.read_csv(path, dtype=dict.fromkeys(numeric, "float32"))
        label = source["positive"](table[source["label"]]).to_numpy()
        return table.drop(columns=[source["label"], *source["drop"]]), label

    features, label = read(job["train"])
    categories = {
        name: sorted(features[name].unique())
        for name in features.columns
        if not pd.api.types.is_numeric_dtype(features[name])
    }

    def encode(table):
        """Numbers in one array of f32 where there are only numbers; else columns of categories."""
        for name, levels in categories.items():
            table[name] = pd.Categorical(table[name], levels)
            if job["engine"] == "sklearn":
                table[name] = table[name].cat.codes
        mixed = categories and job["engine"] != "sklearn"
        return table if mixed else np.ascontiguousarray(table.to_numpy(dtype="float32"))

    x = encode(features)
    del features
    if job["engine"] == "sklearn":
        from sklearn.ensemble import RandomForestClassifier

        make = lambda: RandomForestClassifier(N_TREES["forest"], random_state=job["seed"], n_jobs=threads)
    elif job["engine"] == "xgboost":
        import xgboost

        make = lambda: xgboost.XGBClassifier(
            n_estimators=N_TREES["gbdt"], max_depth=DEPTH, learning_rate=RATE, tree_method="hist",
            random_state=job["seed"], n_jobs=threads, enable_categorical=True,
        )  # fmt: skip
    else:
        import lightgbm

        make = lambda: lightgbm.LGBMClassifier(
            n_estimators=N_TREES["gbdt"], max_depth=DEPTH, num_leaves=2**DEPTH, learning_rate=RATE,
            random_state=job["seed"], n_jobs=threads, verbose=-1,
        )  # fmt: skip
    peak_before, resident = memory("VmHWM"), memory("VmRSS")
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
    for at in range(job["repeat"]):
        started, cpu = time.perf_counter(), time.process_time()
        model = make().fit(x, label)
        report = {"fit_s": time.perf_counter() - started, "cpu_s": time.process_time() - cpu}
        if at == 0:
            peak = memory("VmHWM")
            report |= {"peak_mb": max(peak, peak_before), "growth_mb": peak - resident}
        print(json.dumps(report), flush=True)
    scores = model.predict_proba(encode(read(job["test"])[0]))[:, 1]
    pd.DataFrame({"score": scores}).to_csv(job["scores"], index=False)


def run(args, command):
    """Runs an engine's process, pinned when it has one thread; what it reports of its fits."""
    pin = (lambda: os.sched_setaffinity(0, {args.core})) if args.threads == 1 else None
    environment = os.environ | {"OMP_NUM_THREADS": str(args.threads)}
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=pin, env=environment,
    )  # fmt: skip
    first = process.stdout.readline()
    command_s = time.perf_counter() - started
    rest, errors = process.communicate()
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{errors}")
    fits = [json.loads(line) for line in [first, *rest.splitlines()] if line.strip()]
    return {
        "fit": [fit["fit_s"] for fit in fits],
        "cpu": [fit["cpu_s"] for fit in fits],
        "command": [command_s],
        "peak": [fits[0]["peak_mb"]],
        "growth": [fits[0]["growth_mb"]],
    }


def fit(args, mode, shape, engine, at, paths, repeat):
    """One engine's process in round `at`, and the scores of the test rows."""
    scores = pathlib.Path(args.work) / "scores.csv"
    threads = str(args.threads)
    if engine == "picket":
        command = [args.trainer, "fit", "--data", paths[0], "--schema", f"{args.schemas}/{SCHEMAS[mode]}.toml"]
        command += [*PICKET[shape], "--seed", at, "--threads", threads, "--repeat", repeat]
        command += ["--test", paths[1], "--scores", scores]
    else:
        job = {"engine": engine, "mode": mode, "threads": args.threads, "seed": at, "repeat": repeat}
        job |= {"train": str(paths[0]), "test": str(paths[1]), "scores": str(scores)}
        command = [sys.executable, __file__, "--work-on", json.dumps(job)]
    result = run(args, command)
    values = [float(line) for line in scores.read_text().splitlines()[1:]]
    scores.unlink()
    return result, values


def train(args, mode, shape, at, path):
    """Seconds of the whole `trainer train`."""
    command = [args.trainer, "train", "--data", path, "--schema", f"{args.schemas}/{SCHEMAS[mode]}.toml"]
    command += ["--out", pathlib.Path(args.work) / "training.picket", "--json"]
    command += [*PICKET[shape], "--seed", str(at), "--threads", str(args.threads)]
    pin = (lambda: os.sched_setaffinity(0, {args.core})) if args.threads == 1 else None
    started = time.perf_counter()
    subprocess.run([str(word) for word in command], check=True, capture_output=True, preexec_fn=pin)
    return time.perf_counter() - started


def bench(args, mode):
    rounds, repeat = MODES[mode]
    rounds = args.rounds or rounds
    shapes = [shape for shape in PEERS if shape in args.shapes.split(",")]
    engines = {shape: ["picket", *PEERS[shape]] for shape in shapes}
    results = {(shape, engine): {} for shape in shapes for engine in engines[shape]}
    quality = {shape: GroupedAuc(args.seed) for shape in shapes}
    for at in range(rounds):
        paths = parts(args, mode, at)
        for shape in shapes:
            scores = {}
            turn = at % len(engines[shape])
            for engine in engines[shape][turn:] + engines[shape][:turn]:
                print(f"  {mode}, {shape}, round {at + 1} of {rounds}: {engine}", file=sys.stderr)
                result, scores[engine] = fit(args, mode, shape, engine, at, paths, repeat)
                for what, values in result.items():
                    results[shape, engine].setdefault(what, []).extend(values)
            if not args.no_train:
                seconds = train(args, mode, shape, at, paths[0])
                results[shape, "picket"].setdefault("train", []).append(seconds)
            quality[shape].add(*labelled_groups(mode, paths[1]), scores)
    for shape in shapes:
        show(args, mode, shape, engines[shape], results, quality[shape])


def labelled_groups(mode, path):
    """Labels of the test rows, and the number of each row's group of equal rows."""
    import pandas as pd
    from labelled_rows import DATA

    source = DATA[SCHEMAS[mode]]
    table = pd.read_csv(path)
    label = source["positive"](table[source["label"]]).to_numpy()
    features = table.drop(columns=[source["label"], *source["drop"]])
    return label, features.groupby(list(features.columns), dropna=False, sort=False).ngroup().to_numpy()


def show(args, mode, shape, engines, results, quality):
    median = lambda engine, what: statistics.median(results[shape, engine][what])
    rounds = len(results[shape, "picket"]["command"])
    print(f"\n{mode}, {shape}: {N_TREES[shape]} trees, {args.threads} thread(s), {rounds} round(s), median (lowest to highest)")
    print(f"{'engine':10} {'fit s':>23} {'cpu s':>8} {'command s':>10} {'peak MB':>8} {'growth MB':>10}   ROC-AUC, 95 % interval")
    for engine in engines:
        fits = results[shape, engine]["fit"]
        mean, low, high = quality.of(engine)
        spread = f"{statistics.median(fits):.3f} ({min(fits):.3f} to {max(fits):.3f})"
        numbers = [median(engine, what) for what in ("cpu", "command", "peak", "growth")]
        print(
            f"{engine:10} {spread:>23} {numbers[0]:8.3f} {numbers[1]:10.2f} {numbers[2]:8.0f} {numbers[3]:10.0f}"
            f"   {mean:.5f} {low:.5f} to {high:.5f}"
        )
        for what in results[shape, engine]:
            write(args, mode, shape, engine, what, median(engine, what))
        write(args, mode, shape, engine, "auc", mean, low, high)
    if "train" in results[shape, "picket"]:
        print(f"trainer train, with split, calibration, test and second fit: {median('picket', 'train'):.2f} s")
    for peer in engines[1:]:
        ratio = {what: median("picket", what) / median(peer, what) for what in ("fit", "cpu", "command", "peak")}
        # A fit that grows by nothing measurable has no ratio.
        growth = median("picket", "growth") / max(median(peer, "growth"), 0.1)
        target = TARGETS.get((mode, shape, peer))
        mean, low, high = quality.difference("picket", peer)
        verdict = lambda value, limit: "" if limit is None else f" (wanted {limit}: {'met' if value <= limit else 'MISSED'})"
        print(f"picket / {peer}: fit {ratio['fit']:.3f}{verdict(ratio['fit'], target)}, cpu {ratio['cpu']:.3f}, "
              f"command {ratio['command']:.3f}, peak {ratio['peak']:.3f}{verdict(ratio['peak'], MEMORY_TARGET)}, growth {growth:.3f}")  # fmt: skip
        judged = "worse" if high < 0 else "better" if low > 0 else "no difference seen"
        print(f"    ROC-AUC {mean:+.5f} ({low:+.5f} to {high:+.5f}): {judged}")


def write(args, mode, shape, engine, what, value, low=None, high=None):
    if not args.json:
        return
    record = {"bench": "training", "shape": shape, "mode": mode, "host": "native", "engine": engine}
    record |= {"what": what, "value": value, "unit": UNITS[what]}
    if low is not None:
        record |= {"low": low, "high": high}
    with open(args.json, "a", encoding="utf-8") as out:
        out.write(json.dumps(record) + "\n")


def versions():
    from importlib.metadata import version

    names = ["scikit-learn", "xgboost-cpu", "lightgbm", "numpy", "pandas"]
    return ", ".join(f"{name} {version(name)}" for name in names)


def processor():
    lines = open("/proc/cpuinfo", encoding="ascii", errors="replace").read().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work-on", help="a peer's job: for this program's own use")
    parser.add_argument("--data", help="folder with phishing.csv and nsl-kdd.csv")
    parser.add_argument("--schemas")
    parser.add_argument("--trainer")
    parser.add_argument("--work", help="folder for what is generated")
    parser.add_argument("--only", default=",".join(MODES))
    parser.add_argument("--shapes", default=",".join(PEERS))
    parser.add_argument("--rounds", type=int, help="instead of 3, or 1 for the million")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--core", type=int, default=0, help="the core for one thread")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-train", action="store_true", help="leave the whole `trainer train` out")
    parser.add_argument("--json")
    args = parser.parse_args()
    if args.work_on:
        return work(json.loads(args.work_on))
    unknown = set(args.only.split(",")) - set(MODES) | set(args.shapes.split(",")) - set(PEERS)
    if unknown:
        sys.exit(f"found {sorted(unknown)}; expected --only of {list(MODES)} and --shapes of {list(PEERS)}")
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {versions()}")
    started = time.monotonic()
    for mode in args.only.split(","):
        bench(args, mode)
    print(f"\n{time.monotonic() - started:.0f} s in all")


if __name__ == "__main__":
    main()
