//! The attributes of an operator, by name.

use super::super::error::ImportError;
use super::proto::{AttributeProto, NodeProto, TensorProto};

/// ONNX's numbers for tensor types.
const FLOAT: i32 = 1;
const UINT8: i32 = 2;
const DOUBLE: i32 = 11;

/// An operator's attributes.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a> {
    node: &'a NodeProto,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(node: &'a NodeProto) -> Self {
        Self { node }
    }

    /// The operator's name, for messages.
    pub(super) fn operator(&self) -> &'a str {
        self.node.op_type()
    }

    fn find(&self, name: &str) -> Option<&'a AttributeProto> {
        self.node
            .attribute
            .iter()
            .find(|attribute| attribute.name() == name)
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.find(name).and_then(|attribute| attribute.i)
    }

    /// A text; empty where it is absent.
    pub(super) fn text(&self, name: &str) -> String {
        let bytes = self
            .find(name)
            .and_then(|attribute| attribute.s.as_deref())
            .unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// A list of whole numbers; empty where it is absent.
    pub(super) fn ints(&self, name: &str) -> &'a [i64] {
        self.find(name)
            .map_or(&[], |attribute| attribute.ints.as_slice())
    }

    /// A list of texts; empty where it is absent.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let strings = self
            .find(name)
            .map_or(&[][..], |attribute| attribute.strings.as_slice());
        strings
            .iter()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect()
    }

    /// Numbers from `name`, or from the tensor `name_as_tensor` that doubles need. Whether they are doubles is
    /// the second of the pair.
    pub(super) fn numbers(&self, name: &str) -> Result<(Vec<f64>, bool), ImportError> {
        if let Some(attribute) = self.find(name) {
            return Ok((
                attribute.floats.iter().map(|x| f64::from(*x)).collect(),
                false,
            ));
        }
        let name = format!("{name}_as_tensor");
        let tensor = self.find(&name).and_then(|attribute| attribute.t.as_ref());
        tensor.map_or(Ok((Vec::new(), false)), |tensor| self.reals(&name, tensor))
    }

    /// A tensor of real numbers.
    pub(super) fn tensor(&self, name: &str) -> Result<(Vec<f64>, bool), ImportError> {
        let tensor = self
            .find(name)
            .and_then(|attribute| attribute.t.as_ref())
            .ok_or_else(|| ImportError::missing(self.operator(), name))?;
        self.reals(name, tensor)
    }

    /// A tensor of bytes.
    pub(super) fn byte_tensor(&self, name: &str) -> Result<Vec<i32>, ImportError> {
        let tensor = self
            .find(name)
            .and_then(|attribute| attribute.t.as_ref())
            .ok_or_else(|| ImportError::missing(self.operator(), name))?;
        if tensor.data_type() != UINT8 {
            return Err(self.wrong_type(name, tensor, "bytes (type 2)"));
        }
        Ok(match &tensor.raw_data {
            Some(raw) => raw.iter().map(|byte| i32::from(*byte)).collect(),
            None => tensor.int32_data.clone(),
        })
    }

    fn reals(&self, name: &str, tensor: &TensorProto) -> Result<(Vec<f64>, bool), ImportError> {
        let raw = tensor.raw_data.as_deref().filter(|raw| !raw.is_empty());
        match (tensor.data_type(), raw) {
            (FLOAT, None) => Ok((
                tensor.float_data.iter().map(|x| f64::from(*x)).collect(),
                false,
            )),
            (DOUBLE, None) => Ok((tensor.double_data.clone(), true)),
            (FLOAT, Some(raw)) => {
                let (numbers, _) = raw.as_chunks::<4>();
                let numbers = numbers.iter().map(|x| f64::from(f32::from_le_bytes(*x)));
                Ok((numbers.collect(), false))
            }
            (DOUBLE, Some(raw)) => {
                let (numbers, _) = raw.as_chunks::<8>();
                let numbers = numbers.iter().map(|x| f64::from_le_bytes(*x));
                Ok((numbers.collect(), true))
            }
            _ => Err(self.wrong_type(name, tensor, "floats (type 1) or doubles (type 11)")),
        }
    }

    fn wrong_type(&self, name: &str, tensor: &TensorProto, expected: &str) -> ImportError {
        let found = format!("a tensor of type {}", tensor.data_type());
        ImportError::field(self.operator(), name, found, expected)
    }
}
