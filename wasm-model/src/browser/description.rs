//! What a model says of itself, as JSON.

use picket_schema::artifact::{Calibration, Card, ModelTable, Operator, Reference};
use picket_schema::{Artifact, Class, Domain, Feature, FeatureSchema, MissingPolicy};

use super::json_text::JsonText;
use crate::{ExplanationUnit, OwnedModel};

/// The model's description as JSON text.
pub(super) fn json(owned: &OwnedModel, number_text: fn(f64) -> String) -> String {
    let artifact = owned.model().artifact();
    let mut json = JsonText::new(number_text);
    json.object(|json| {
        let digest = Artifact::digest(owned.bytes());
        json.key("digest").string(&digest.to_string());
        // The file was read before, so its schema is there.
        let schema_digest = Artifact::schema_digest(owned.bytes());
        let schema_digest = schema_digest.ok().map(|digest| digest.to_string());
        json.key("schema_digest").optional(schema_digest.as_deref());
        json.key("n_bytes").number(owned.bytes().len() as f64);
        json.key("n_features")
            .number(artifact.schema.n_features() as f64);
        json.key("schema");
        write_schema(json, &artifact.schema);
        json.key("model");
        write_model(json, &artifact.model);
        json.key("calibration");
        write_calibration(json, &artifact.calibration);
        let unit = ExplanationUnit::of(&artifact.calibration);
        json.key("explanation_unit").string(unit.name());
        json.key("decision").object(|json| {
            json.key("threshold").number(artifact.decision.threshold);
            json.key("uncertain");
            match artifact.decision.uncertain {
                Some(bounds) => json.numbers(bounds),
                None => json.null(),
            }
        });
        json.key("reference");
        write_reference(json, &artifact.reference);
        json.key("card");
        write_card(json, &artifact.card);
    });
    json.into_text()
}

fn write_schema(json: &mut JsonText, schema: &FeatureSchema) {
    json.object(|json| {
        json.key("name").string(&schema.name);
        json.key("label").object(|json| {
            json.key("name").string(&schema.label.name);
            json.key("positive");
            write_class(json, &schema.label.positive);
            json.key("negative");
            write_class(json, &schema.label.negative);
        });
        json.key("features").array(&schema.features, write_feature);
    });
}

fn write_class(json: &mut JsonText, class: &Class) {
    json.object(|json| {
        json.key("name").string(&class.name);
        json.key("values").strings(&class.values);
    });
}

fn write_feature(json: &mut JsonText, feature: &Feature) {
    json.object(|json| {
        json.key("name").string(&feature.name);
        json.key("domain").object(|json| match &feature.domain {
            Domain::Range(bounds) => json.key("range").numbers(*bounds),
            Domain::Values(values) => json.key("values").numbers(values.iter().copied()),
            Domain::Categories(names) => json.key("categories").strings(names),
            Domain::Hashed(n_buckets) => json.key("hashed").number(f64::from(*n_buckets)),
        });
        json.key("unit").string(&feature.unit);
        json.key("missing").string(match feature.missing {
            MissingPolicy::Reject => "reject",
            MissingPolicy::Accept => "accept",
        });
        json.key("description").string(&feature.description);
    });
}

fn write_model(json: &mut JsonText, table: &ModelTable<'_>) {
    json.object(|json| match table {
        ModelTable::Trees(trees) => {
            json.key("kind").string("trees");
            json.key("operator").string(match trees.operator {
                Operator::LessEqual => "le",
                Operator::Less => "lt",
            });
            json.key("n_trees").number(trees.n_trees() as f64);
            json.key("n_nodes")
                .number(trees.node_conditions.len() as f64);
            json.key("n_conditions").number(trees.n_conditions() as f64);
        }
        ModelTable::Linear(linear) => {
            json.key("kind").string("linear");
            json.key("n_terms").number(linear.terms.len() as f64);
        }
        ModelTable::Neighbours(neighbours) => {
            json.key("kind").string("neighbours");
            json.key("n_neighbours")
                .number(f64::from(neighbours.n_neighbours));
            json.key("n_rows").number(f64::from(neighbours.rows.n_rows));
        }
        ModelTable::Kernel(kernel) => {
            json.key("kind").string("kernel");
            json.key("n_rows").number(f64::from(kernel.rows.n_rows));
        }
        ModelTable::Blend(blend) => {
            json.key("kind").string("blend");
            json.key("members").array(&blend.members, |json, member| {
                write_model(json, &member.model);
            });
        }
    });
}

fn write_calibration(json: &mut JsonText, calibration: &Calibration<'_>) {
    json.object(|json| match calibration {
        Calibration::Platt(platt) => {
            json.key("kind").string("platt");
            json.key("slope").number(platt.slope);
            json.key("intercept").number(platt.intercept);
        }
        Calibration::Isotonic(isotonic) => {
            json.key("kind").string("isotonic");
            json.key("margins")
                .numbers(isotonic.knots().map(|knot| knot.0));
            json.key("scores")
                .numbers(isotonic.knots().map(|knot| knot.1));
        }
    });
}

/// The reference histograms with numbers in place of packed bytes.
fn write_reference(json: &mut JsonText, reference: &Reference<'_>) {
    json.object(|json| {
        json.key("features")
            .array(&reference.features, |json, histogram| {
                json.object(|json| {
                    let edges = histogram.edges.as_chunks().0.iter();
                    json.key("edges")
                        .numbers(edges.map(|edge| f64::from(f32::from_le_bytes(*edge))));
                    json.key("counts").numbers(counts(&histogram.counts));
                });
            });
        json.key("scores").numbers(counts(&reference.scores));
    });
}

fn counts(bytes: &[u8]) -> impl Iterator<Item = f64> + '_ {
    let counts = bytes.as_chunks().0.iter();
    counts.map(|count| f64::from(u32::from_le_bytes(*count)))
}

/// The card with digests in words.
fn write_card(json: &mut JsonText, card: &Card) {
    json.object(|json| {
        json.key("name").string(&card.name);
        json.key("algorithm").string(&card.algorithm);
        json.key("code_version").string(&card.code_version);
        // As text: JavaScript's numbers do not hold every seed.
        json.key("seed").string(&card.seed.to_string());
        json.key("data_digest")
            .string(&card.data_digest.to_string());
        let parent = card.parent.map(|digest| digest.to_string());
        json.key("parent").optional(parent.as_deref());
        json.key("parameters").object(|json| {
            for (name, value) in &card.parameters {
                json.key(name).string(value);
            }
        });
        json.key("metrics").array(&card.metrics, |json, metric| {
            json.object(|json| {
                json.key("name").string(&metric.name);
                json.key("value").number(metric.value);
                json.key("low").number(metric.low);
                json.key("high").number(metric.high);
            });
        });
        json.key("split").string(&card.split);
        json.key("n_rows_train").number(card.n_rows_train as f64);
        json.key("n_rows_test").number(card.n_rows_test as f64);
        json.key("memorised_share").number(card.memorised_share);
        json.key("importances")
            .numbers(card.importances.iter().copied());
        json.key("notes").strings(&card.notes);
    });
}
