//! The feature schema, as it stands in an artifact.

use super::{Read, Reader};
use crate::feature::{Domain, Feature, MissingPolicy};
use crate::feature_schema::{Class, FeatureSchema, Label};

impl FeatureSchema {
    pub(in crate::artifact) fn read(reader: &mut Reader<'_>) -> Read<Self> {
        reader.map(3)?;
        Ok(Self {
            name: reader.key("name")?.string()?,
            label: Label::read(reader.key("label")?)?,
            features: reader.key("features")?.array(Feature::read)?,
        })
    }
}

impl Label {
    fn read(reader: &mut Reader<'_>) -> Read<Self> {
        reader.map(3)?;
        Ok(Self {
            name: reader.key("name")?.string()?,
            positive: Class::read(reader.key("positive")?)?,
            negative: Class::read(reader.key("negative")?)?,
        })
    }
}

impl Class {
    fn read(reader: &mut Reader<'_>) -> Read<Self> {
        reader.map(2)?;
        Ok(Self {
            name: reader.key("name")?.string()?,
            values: reader.key("values")?.array(Reader::string)?,
        })
    }
}

impl Feature {
    fn read(reader: &mut Reader<'_>) -> Read<Self> {
        reader.map(5)?;
        Ok(Self {
            name: reader.key("name")?.string()?,
            domain: Domain::read(reader.key("domain")?)?,
            unit: reader.key("unit")?.string()?,
            missing: MissingPolicy::read(reader.key("missing")?)?,
            description: reader.key("description")?.string()?,
        })
    }
}

impl Domain {
    fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let start = reader.offset();
        match reader.choice()? {
            "range" => Ok(Self::Range(reader.pair()?)),
            "values" => Ok(Self::Values(reader.array(Reader::f64)?)),
            "categories" => Ok(Self::Categories(reader.array(Reader::string)?)),
            other => Err(reader.unknown(start, other, "range, values or categories")),
        }
    }
}

impl MissingPolicy {
    fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let start = reader.offset();
        match reader.str()? {
            "reject" => Ok(Self::Reject),
            "accept" => Ok(Self::Accept),
            other => Err(reader.unknown(start, other, "reject or accept")),
        }
    }
}
