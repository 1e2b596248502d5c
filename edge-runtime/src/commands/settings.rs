//! Settings: flags before the environment before a file.
//!
//! Every flag of `serve` and `collect` is a setting. Its variable is `PICKET_` and its name (where it does not say
//! another), its key in the TOML file its name, in the table of the command:
//!
//! ```toml
//! [serve]
//! listen = "0.0.0.0:3000"
//! tokens = "/etc/picket/tokens.json"
//! ```
//!
//! What the file sets is put before the command line as flags, unless a flag or a variable sets it too. So whatever
//! holds for flags, holds for the file: types, ranges, what needs what.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _};
use toml::{Table, Value};

use crate::Cli;

/// The commands that have settings.
const COMMANDS: [&str; 2] = ["serve", "collect"];
/// Settings whose values are secrets, or may hold some.
const SECRETS: [&str; 2] = ["mongodb", "upload"];
/// Variables that hold secrets; the flags beside them name files.
const SECRET_VARIABLES: [(&str, &str); 2] = [
    ("PICKET_PSEUDONYM_KEY", "pseudonym-key"),
    ("PICKET_UPLOAD_TOKEN", "upload-token"),
];
/// The largest file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// A command line with what environment and file add to it.
pub(crate) struct Settings {
    matches: ArgMatches,
    sources: BTreeMap<String, Source>,
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Flag,
    Environment(String),
    File(String),
    Default,
}

impl Settings {
    /// Those of this process. A wrong command line ends it, as clap does.
    pub(crate) fn of_process() -> Result<Self> {
        Self::of(std::env::args_os().collect())
    }

    pub(crate) fn of(call: Vec<OsString>) -> Result<Self> {
        let environment = |name: &str| std::env::var_os(name);
        let (call, sources) = joined(call, &environment)?;
        let matches = command()
            .try_get_matches_from(call)
            .unwrap_or_else(|error| error.exit());
        Ok(Self { matches, sources })
    }

    pub(crate) const fn matches(&self) -> &ArgMatches {
        &self.matches
    }

    /// Every setting, as the file would have it, with its source behind it.
    pub(crate) fn explain(&self) -> Result<String> {
        let (name, matches) = self
            .matches
            .subcommand()
            .filter(|(name, _)| COMMANDS.contains(name))
            .ok_or_else(|| anyhow!("expected one of {}", COMMANDS.join(", ")))?;
        let root = command();
        let found = root.find_subcommand(name);
        let settings = settings_of(found.context("clap knows the command that it found")?);
        let mut out = format!("[{name}]\n");
        for arg in settings {
            let key = arg.get_long().unwrap_or_default();
            let source = self.sources.get(key).unwrap_or(&Source::Default);
            let (value, is_set) = shown(arg, matches);
            let mark = if is_set { "" } else { "# " };
            let told = match source {
                Source::Flag => "flag".to_owned(),
                Source::Environment(name) => format!("environment {name}"),
                Source::File(path) => format!("file {path}"),
                Source::Default => "default".to_owned(),
            };
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{mark}{key} = {value}  # {told}");
        }
        for (variable, key) in SECRET_VARIABLES {
            if std::env::var_os(variable).is_some() {
                let _ = writeln!(out, "# {variable} is set (***): in the place of {key}");
            }
        }
        Ok(out)
    }
}

/// The value as TOML, and whether there is one.
fn shown(arg: &Arg, matches: &ArgMatches) -> (String, bool) {
    let key = arg.get_long().unwrap_or_default();
    let id = arg.get_id().as_str();
    if is_flag(arg) {
        return (matches.get_flag(id).to_string(), true);
    }
    let values: Vec<String> = matches
        .get_raw(id)
        .into_iter()
        .flatten()
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    if values.is_empty() {
        return ("\"\"".to_owned(), false);
    }
    if SECRETS.contains(&key) {
        return ("\"***\"".to_owned(), true);
    }
    let text = |value: &String| match value.parse::<i64>() {
        Ok(number) => number.to_string(),
        Err(_) => Value::from(value.as_str()).to_string(),
    };
    match (arg.get_action(), values.as_slice()) {
        (ArgAction::Append, values) => {
            let values: Vec<String> = values.iter().map(text).collect();
            (format!("[{}]", values.join(", ")), true)
        }
        (_, [value, ..]) => (text(value), true),
        (_, []) => (String::new(), false),
    }
}

/// The command line, with variables for every setting.
fn command() -> Command {
    let mut command = Cli::command();
    for name in COMMANDS {
        command = command.mut_subcommand(name, |command| {
            command
                .arg(
                    Arg::new("config")
                        .long("config")
                        .value_name("FILE")
                        .value_parser(clap::value_parser!(std::path::PathBuf))
                        .help("A TOML file with settings; flags and variables go before it"),
                )
                .mut_args(with_variable)
        });
    }
    command
}

fn with_variable(arg: Arg) -> Arg {
    let Some(long) = arg.get_long() else {
        return arg;
    };
    if ["help", "version"].contains(&long) {
        return arg;
    }
    // The variable without the ending holds the secret itself.
    let is_secret = |(_, key): &(&str, &str)| *key == long;
    let ending = if SECRET_VARIABLES.iter().any(is_secret) {
        "_FILE"
    } else {
        ""
    };
    let variable = variable(long) + ending;
    let arg = if arg.get_env().is_none() {
        arg.env(variable)
    } else {
        arg
    };
    if is_flag(&arg) {
        arg.value_parser(BoolishValueParser::new())
    } else {
        arg
    }
}

fn variable(long: &str) -> String {
    format!("PICKET_{}", long.to_uppercase().replace('-', "_"))
}

fn is_flag(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse)
}

fn settings_of(command: &Command) -> Vec<&Arg> {
    let is_setting = |arg: &&Arg| {
        arg.get_long()
            .is_some_and(|it| !["help", "version", "config"].contains(&it))
    };
    command.get_arguments().filter(is_setting).collect()
}

/// The call with what the file adds to it, and where each setting comes from.
fn joined(
    call: Vec<OsString>,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(Vec<OsString>, BTreeMap<String, Source>)> {
    let mut sources = BTreeMap::new();
    let name = call.get(1).and_then(|it| it.to_str());
    let Some(name) = name.filter(|it| COMMANDS.contains(it)) else {
        return Ok((call, sources));
    };
    let root = command();
    let command = root.find_subcommand(name);
    let command = command.context("the commands with settings are commands")?;
    let settings = settings_of(command);
    for arg in &settings {
        let key = arg.get_long().unwrap_or_default();
        let variable = arg.get_env().and_then(OsStr::to_str).unwrap_or_default();
        if given(&call, key).is_some() {
            sources.insert(key.to_owned(), Source::Flag);
        } else if environment(variable).is_some() {
            let source = Source::Environment(variable.to_owned());
            sources.insert(key.to_owned(), source);
        }
    }
    let file = given(&call, "config").or_else(|| environment("PICKET_CONFIG"));
    let Some(file) = file.filter(|it| !it.is_empty()) else {
        return Ok((call, sources));
    };
    let shown = file.to_string_lossy().into_owned();
    let table = read(Path::new(&file), name)?;
    let mut added = Vec::new();
    for (key, value) in &table {
        let arg = settings.iter().find(|arg| arg.get_long() == Some(key));
        let arg = arg.ok_or_else(|| unknown(key, name, &shown, &settings))?;
        if sources.contains_key(key) {
            continue;
        }
        added.extend(flags(arg, value).with_context(|| format!("{shown}: {key} in [{name}]"))?);
        sources.insert(key.clone(), Source::File(shown.clone()));
    }
    let mut call = call;
    let rest = call.split_off(2);
    call.extend(added.into_iter().map(OsString::from));
    call.extend(rest);
    Ok((call, sources))
}

/// What the call says of a flag: its value, or nothing for one without.
fn given(call: &[OsString], long: &str) -> Option<OsString> {
    let flag = format!("--{long}");
    let with_value = format!("{flag}=");
    let mut words = call.iter().take_while(|it| *it != "--");
    while let Some(word) = words.next() {
        if *word == *flag {
            return Some(words.next().cloned().unwrap_or_default());
        }
        if let Some(value) = word.to_str().and_then(|it| it.strip_prefix(&with_value)) {
            return Some(value.into());
        }
    }
    None
}

/// The table of a command. Tables of other commands may stand beside it, and nothing else.
fn read(path: &Path, name: &str) -> Result<Table> {
    let shown = path.display();
    let n_bytes = std::fs::metadata(path)
        .with_context(|| format!("cannot read the settings {shown}"))?
        .len();
    if n_bytes > MAX_BYTES {
        bail!("{shown}: {n_bytes} bytes; expected settings of at most {MAX_BYTES}");
    }
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the settings {shown}"))?;
    let mut tables: Table = text
        .parse()
        .with_context(|| format!("{shown} is no TOML"))?;
    for key in tables.keys() {
        if !COMMANDS.contains(&key.as_str()) {
            let near = nearest(key, COMMANDS.into_iter());
            let hint = near.map_or_else(
                || format!("settings stand in a table, as [{name}]"),
                |near| format!("is [{near}] meant?"),
            );
            bail!("{shown}: unknown key {key}; {hint}");
        }
    }
    match tables.remove(name) {
        None => Ok(Table::new()),
        Some(Value::Table(table)) => Ok(table),
        Some(_) => bail!("{shown}: {name} is a value; expected the table [{name}]"),
    }
}

fn unknown(key: &str, name: &str, shown: &str, settings: &[&Arg]) -> anyhow::Error {
    let known = settings.iter().filter_map(|arg| arg.get_long());
    let hint = match nearest(key, known) {
        Some(near) => format!("is {near} meant?"),
        None => format!("`edge-runtime config explain {name}` lists the settings"),
    };
    anyhow!("{shown}: unknown key {key} in [{name}]; {hint}")
}

fn nearest<'k>(key: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let key = key.to_lowercase().replace('_', "-");
    known
        .map(|it| (strsim::damerau_levenshtein(&key, it), it))
        .filter(|(distance, it)| *distance <= it.len().max(key.len()) / 3)
        .min()
        .map(|(_, it)| it)
}

/// A value of the file as flags.
fn flags(arg: &Arg, value: &Value) -> Result<Vec<String>> {
    let long = arg.get_long().unwrap_or_default();
    if is_flag(arg) {
        return match value {
            Value::Boolean(true) => Ok(vec![format!("--{long}")]),
            Value::Boolean(false) => Ok(Vec::new()),
            other => bail!("found {}; expected true or false", other.type_str()),
        };
    }
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        other => bail!("found {}; expected a text or a number", other.type_str()),
    };
    match (value, arg.get_action()) {
        (Value::Array(values), ArgAction::Append) => values
            .iter()
            .map(|value| Ok(format!("--{long}={}", text(value)?)))
            .collect(),
        _ => Ok(vec![format!("--{long}={}", text(value)?)]),
    }
}

#[cfg(test)]
mod tests;
