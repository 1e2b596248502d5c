//! The feature schema, as it stands in an artifact.

use super::Reader;
use crate::feature::{Domain, Feature, MissingPolicy};
use crate::feature_schema::{Class, FeatureSchema, Label};

impl FeatureSchema {
    pub(in crate::artifact) fn read(reader: &mut Reader<'_>) -> Self {
        reader.map(3);
        Self {
            name: reader.key("name").string(),
            label: Label::read(reader.key("label")),
            features: reader.key("features").array(Feature::read),
        }
    }
}

impl Label {
    fn read(reader: &mut Reader<'_>) -> Self {
        reader.map(3);
        Self {
            name: reader.key("name").string(),
            positive: Class::read(reader.key("positive")),
            negative: Class::read(reader.key("negative")),
        }
    }
}

impl Class {
    fn read(reader: &mut Reader<'_>) -> Self {
        reader.map(2);
        Self {
            name: reader.key("name").string(),
            values: reader.key("values").array(Reader::string),
        }
    }
}

impl Feature {
    fn read(reader: &mut Reader<'_>) -> Self {
        reader.map(5);
        Self {
            name: reader.key("name").string(),
            domain: Domain::read(reader.key("domain")),
            unit: reader.key("unit").string(),
            missing: MissingPolicy::read(reader.key("missing")),
            description: reader.key("description").string(),
        }
    }
}

impl Domain {
    fn read(reader: &mut Reader<'_>) -> Self {
        match reader.choice() {
            "range" => Self::Range(reader.pair()),
            "values" => Self::Values(reader.array(Reader::f64)),
            "categories" => Self::Categories(reader.array(Reader::string)),
            "hashed" => Self::Hashed(reader.u32()),
            other => {
                reader.unknown(other, "range, values, categories or hashed");
                Self::Values(Vec::new())
            }
        }
    }
}

impl MissingPolicy {
    fn read(reader: &mut Reader<'_>) -> Self {
        match reader.str() {
            "reject" => Self::Reject,
            "accept" => Self::Accept,
            other => {
                reader.unknown(other, "reject or accept");
                Self::Reject
            }
        }
    }
}
