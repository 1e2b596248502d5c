//! Rows of a subject against rows that models keep: which are equal, with categories, missing values and both zeros.

use std::fmt::Write as _;

use picket_schema::Artifact;
use picket_schema::artifact::{ModelTable, PackedRows, Step, Transform};
use picket_trainer::erase::SubjectRows;

use crate::scene::{stdout, trainer};

const SCHEMA: &str = "name = \"pages\"\n[label]\nname = \"Result\"\n\
    positive = { name = \"phishing\", values = [\"1\"] }\nnegative = { name = \"legitimate\", values = [\"0\"] }\n\
    [[features]]\nname = \"kind\"\ndomain = { categories = [\"a\", \"b\"] }\nmissing = \"accept\"\n\
    [[features]]\nname = \"length\"\ndomain = { range = [-9, 99] }\nmissing = \"accept\"\n\
    [[features]]\nname = \"depth\"\ndomain = { range = [-9, 99] }\nmissing = \"accept\"\n";

/// A row of the data: a category may be missing, as may both numbers.
fn row(n: u32) -> [f32; 3] {
    let missing_if = |is_missing: bool, value: f32| if is_missing { f32::NAN } else { value };
    [
        missing_if(n % 11 == 5, (n % 2) as f32),
        missing_if(n % 7 == 3, (n % 13) as f32),
        missing_if(n % 5 == 4, (n % 17) as f32),
    ]
}

fn n_equal(rows: &[Vec<f32>], artifact: &Artifact<'_>) -> u64 {
    let mut subject = SubjectRows::default();
    for row in rows {
        subject.insert(row);
    }
    subject.n_equal(artifact)
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story: the rows, then three kinds of models"
)]
fn every_kept_row_is_found_and_no_other_is_taken_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    std::fs::write(place("schema.toml"), SCHEMA).unwrap();
    let rows: Vec<Vec<f32>> = (0..240).map(|n| row(n).to_vec()).collect();
    let mut text = "kind,length,depth,Result\n".to_owned();
    for (n, row) in rows.iter().enumerate() {
        let number = |value: f32| {
            if value.is_nan() {
                String::new()
            } else {
                value.to_string()
            }
        };
        let kind = ["a", "b"].get(row[0] as usize).filter(|_| !row[0].is_nan());
        let (length, depth) = (number(row[1]), number(row[2]));
        writeln!(
            text,
            "{},{length},{depth},{}",
            kind.unwrap_or(&""),
            n / 3 % 2
        )
        .unwrap();
    }
    std::fs::write(place("rows.csv"), text).unwrap();
    let model = |kind: &str, more: &[&str]| {
        let train = [
            "train",
            "--data",
            "rows.csv",
            "--schema",
            "schema.toml",
            "--model",
            kind,
            "--out",
            "m.picket",
        ];
        stdout(&trainer(folder.path(), &[&train[..], more].concat()));
        std::fs::read(place("m.picket")).unwrap()
    };

    let bytes = model("knn", &[]);
    let mut knn = Artifact::decode(&bytes).unwrap();
    let ModelTable::Neighbours(table) = &knn.model else {
        panic!("neighbours are expected");
    };
    assert_eq!(
        n_equal(&rows, &knn),
        u64::from(table.rows.n_rows),
        "each that is kept"
    );
    // Rows of another schema are nobody's here, whatever they begin with, as are codes of no category.
    let of_length = |n: usize| {
        rows.iter()
            .map(move |row| [&row[..], &row[..]].concat()[..n].to_vec())
    };
    let others: Vec<_> = of_length(2).chain(of_length(4)).collect();
    assert_eq!(n_equal(&others, &knn), 0);
    let coded = |code: f32| vec![vec![code, 1.0, 1.0]];
    knn.transform = Transform(Vec::new());
    if let ModelTable::Neighbours(table) = &mut knn.model {
        assert_eq!(table.rows.n_columns(), 3, "columns are features");
        table.rows = PackedRows::pack(3, &[2.0, 1.0, 1.0, 1.0, 0.0, f32::NAN]);
    }
    assert_eq!(n_equal(&coded(2.0), &knn), 0);
    // One zero, and one missing value, whatever their bits.
    for (zero, missing) in [
        (0.0, f32::NAN),
        (-0.0, -f32::NAN),
        (-0.0, f32::from_bits(0x7fc0_0001)),
    ] {
        assert_eq!(n_equal(&[vec![1.0, zero, missing]], &knn), 1);
    }
    assert_eq!(n_equal(&[vec![0.0, 0.0, f32::NAN]], &knn), 0);

    let bytes = model("svm-rbf", &["--scale", "standard"]);
    let mut svm = Artifact::decode(&bytes).unwrap();
    let ModelTable::Kernel(table) = &svm.model else {
        panic!("a machine is expected");
    };
    assert_eq!(
        n_equal(&rows, &svm),
        u64::from(table.rows.n_rows),
        "all support vectors"
    );
    svm.transform = Transform(Vec::new());
    if let ModelTable::Kernel(table) = &mut svm.model {
        let fills: Vec<f32> = table.iter_fills().collect();
        assert_eq!((fills.len(), table.rows.n_columns()), (3, 3));
        table.rows = PackedRows::pack(3, &[f32::NAN, 1.0, 1.0]);
        // A missing category is one of its own, unlike a missing number.
        let filled = vec![vec![
            if fills[0].is_nan() { 0.0 } else { fills[0] },
            1.0,
            1.0,
        ]];
        assert_eq!(n_equal(&filled, &svm), 0);
    }
    assert_eq!(n_equal(&coded(f32::NAN), &svm), 1);

    let bytes = model("logistic", &["--impute", "knn"]);
    let imputing = Artifact::decode(&bytes).unwrap();
    let Transform(steps) = &imputing.transform;
    let imputer = steps.iter().find_map(|step| match step {
        Step::Neighbours(imputer) => Some(imputer),
        _ => None,
    });
    let imputer = imputer.expect("an imputer");
    assert_ne!(
        imputer.iter_columns().next(),
        Some(0),
        "a part of the columns"
    );
    let n_kept = u64::from(imputer.rows.n_rows);
    assert_eq!(
        n_equal(&rows, &imputing),
        n_kept,
        "as they were before they were filled"
    );
}
