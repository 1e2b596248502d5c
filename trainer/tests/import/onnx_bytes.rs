//! Writes ONNX files byte by byte, by the field numbers of onnx.proto: nothing here is shared with the reader.

fn varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn number(field: u64, n: i64, out: &mut Vec<u8>) {
    varint(field << 3, out);
    varint(n.cast_unsigned(), out);
}

fn bytes(field: u64, content: &[u8], out: &mut Vec<u8>) {
    varint(field << 3 | 2, out);
    varint(content.len() as u64, out);
    out.extend(content);
}

/// The value of an attribute.
pub(crate) enum Value {
    Int(i64),
    Text(&'static str),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    Texts(Vec<&'static str>),
    /// A tensor of doubles, in its typed field.
    Doubles(Vec<f64>),
    /// A tensor of floats or bytes as raw data: type and bytes.
    Raw(i64, Vec<u8>),
}

/// An attribute.
pub(crate) type Attribute = (&'static str, Value);

fn attribute((name, value): &Attribute) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(1, name.as_bytes(), &mut out);
    let kind = match value {
        Value::Int(n) => {
            number(3, *n, &mut out);
            2
        }
        Value::Text(text) => {
            bytes(4, text.as_bytes(), &mut out);
            3
        }
        Value::Floats(floats) => {
            // Unpacked, as proto2 writes them.
            for x in floats {
                varint(7 << 3 | 5, &mut out);
                out.extend(x.to_le_bytes());
            }
            6
        }
        Value::Ints(ints) => {
            for n in ints {
                number(8, *n, &mut out);
            }
            7
        }
        Value::Texts(texts) => {
            for text in texts {
                bytes(9, text.as_bytes(), &mut out);
            }
            8
        }
        Value::Doubles(doubles) => {
            let mut tensor = Vec::new();
            number(1, doubles.len() as i64, &mut tensor);
            number(2, 11, &mut tensor);
            let packed: Vec<u8> = doubles.iter().flat_map(|x| x.to_le_bytes()).collect();
            bytes(10, &packed, &mut tensor);
            bytes(5, &tensor, &mut out);
            4
        }
        Value::Raw(data_type, raw) => {
            let mut tensor = Vec::new();
            number(2, *data_type, &mut tensor);
            bytes(9, raw, &mut tensor);
            bytes(5, &tensor, &mut out);
            4
        }
    };
    number(20, kind, &mut out);
    out
}

/// A node of the graph.
pub(crate) fn node(operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[Attribute]) -> Vec<u8> {
    let mut out = Vec::new();
    for input in inputs {
        bytes(1, input.as_bytes(), &mut out);
    }
    for output in outputs {
        bytes(2, output.as_bytes(), &mut out);
    }
    bytes(3, b"name", &mut out);
    bytes(4, operator.as_bytes(), &mut out);
    for each in attributes {
        bytes(5, &attribute(each), &mut out);
    }
    bytes(7, b"ai.onnx.ml", &mut out);
    out
}

/// A file with these nodes, and inputs of these names and widths.
pub(crate) fn file(nodes: &[Vec<u8>], inputs: &[(&str, i64)]) -> Vec<u8> {
    let mut graph = Vec::new();
    for node in nodes {
        bytes(1, node, &mut graph);
    }
    bytes(2, b"graph", &mut graph);
    for (name, width) in inputs {
        let (mut rows, mut columns) = (Vec::new(), Vec::new());
        bytes(2, b"N", &mut rows);
        number(1, *width, &mut columns);
        let mut shape = Vec::new();
        bytes(1, &rows, &mut shape);
        bytes(1, &columns, &mut shape);
        let mut tensor = Vec::new();
        number(1, 1, &mut tensor);
        bytes(2, &shape, &mut tensor);
        let mut kind = Vec::new();
        bytes(1, &tensor, &mut kind);
        let mut input = Vec::new();
        bytes(1, name.as_bytes(), &mut input);
        bytes(2, &kind, &mut input);
        bytes(11, &input, &mut graph);
    }
    let mut model = Vec::new();
    number(1, 10, &mut model);
    bytes(2, b"by hand", &mut model);
    bytes(3, b"1.0", &mut model);
    bytes(7, &graph, &mut model);
    model
}

/// Trees of one split each: feature, mode, value, whether NaN tracks true.
pub(crate) type Stump = (i64, &'static str, f32, i64);

/// The lists of stumps. In tree `i` node 0 asks, node 1 is where a row goes that passes, node 2 where it goes else.
pub(crate) fn stumps(stumps: &[Stump]) -> Vec<Attribute> {
    let each = |of: &dyn Fn(&Stump) -> [i64; 3]| stumps.iter().flat_map(of).collect::<Vec<i64>>();
    let mut tree_ids = Vec::new();
    let (mut modes, mut values) = (Vec::new(), Vec::new());
    for (tree, (_, mode, value, _)) in stumps.iter().enumerate() {
        tree_ids.extend([tree as i64; 3]);
        modes.extend([*mode, "LEAF", "LEAF"]);
        values.extend([*value, 0.0, 0.0]);
    }
    vec![
        ("nodes_treeids", Value::Ints(tree_ids)),
        ("nodes_nodeids", Value::Ints(each(&|_| [0, 1, 2]))),
        ("nodes_featureids", Value::Ints(each(&|stump| [stump.0, 0, 0]))),
        ("nodes_modes", Value::Texts(modes)),
        ("nodes_values", Value::Floats(values)),
        ("nodes_truenodeids", Value::Ints(each(&|_| [1, 0, 0]))),
        ("nodes_falsenodeids", Value::Ints(each(&|_| [2, 0, 0]))),
        ("nodes_missing_value_tracks_true", Value::Ints(each(&|stump| [stump.3, 0, 0]))),
    ]
}

/// The weights of leaves: tree, node, class or target, weight.
pub(crate) fn weights(prefix: &'static str, entries: &[(i64, i64, i64, f32)]) -> Vec<Attribute> {
    let names = match prefix {
        "class" => ["class_treeids", "class_nodeids", "class_ids", "class_weights"],
        _ => ["target_treeids", "target_nodeids", "target_ids", "target_weights"],
    };
    vec![
        (names[0], Value::Ints(entries.iter().map(|entry| entry.0).collect())),
        (names[1], Value::Ints(entries.iter().map(|entry| entry.1).collect())),
        (names[2], Value::Ints(entries.iter().map(|entry| entry.2).collect())),
        (names[3], Value::Floats(entries.iter().map(|entry| entry.3).collect())),
    ]
}
