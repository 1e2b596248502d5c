//! Transforms: the numbers of scikit-learn, what a plan becomes, and what travels in the artifact.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

mod artifact;
mod golden;
mod plan;

use picket_schema::{Class, Domain, Feature, FeatureSchema, Label, MissingPolicy};
use picket_trainer::Dataset;

fn feature(index: usize, domain: Domain) -> Feature {
    Feature {
        name: format!("x{index}"),
        domain,
        unit: String::new(),
        missing: MissingPolicy::Accept,
        description: String::new(),
    }
}

fn schema(domains: Vec<Domain>) -> FeatureSchema {
    let class = |name: &str, value: &str| Class {
        name: name.to_owned(),
        values: vec![value.to_owned()],
    };
    let schema = FeatureSchema {
        name: "test".into(),
        label: Label {
            name: "y".into(),
            positive: class("bad", "1"),
            negative: class("good", "0"),
        },
        features: domains
            .into_iter()
            .enumerate()
            .map(|(index, domain)| feature(index, domain))
            .collect(),
    };
    schema.validate().unwrap();
    schema
}

/// Rows of numbers. Every other row is positive.
fn numeric(rows: &[Vec<f32>]) -> Dataset {
    let domains = vec![Domain::Range([-1e9, 1e9]); rows[0].len()];
    let labels = (0..rows.len()).map(|row_idx| row_idx % 2 == 0).collect();
    Dataset::new(schema(domains), rows.concat(), labels, "test").unwrap()
}
