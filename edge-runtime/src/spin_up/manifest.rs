//! The part of `spin.toml` that this host reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::outbound::AllowedHosts;
use crate::error::StartError;

/// What the names of environment variables begin with that give values to the application's variables, as Spin has it.
const ENVIRONMENT: &str = "SPIN_VARIABLE_";

#[derive(Debug, Deserialize)]
struct Document {
    spin_manifest_version: u32,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    trigger: Triggers,
    #[serde(default)]
    component: BTreeMap<String, ComponentTable>,
}

#[derive(Debug, Deserialize)]
struct Variable {
    default: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Triggers {
    #[serde(default)]
    http: Vec<HttpTrigger>,
}

#[derive(Debug, Deserialize)]
struct HttpTrigger {
    route: toml::Value,
    component: toml::Value,
}

#[derive(Debug, Default, Deserialize)]
struct ComponentTable {
    source: Option<toml::Value>,
    #[serde(default)]
    allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    key_value_stores: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    files: Vec<toml::Value>,
}

/// A manifest with one HTTP component on all routes.
#[derive(Debug)]
pub(super) struct SpinManifest {
    source: PathBuf,
    variables: BTreeMap<String, Variable>,
    component: ComponentTable,
}

fn wrong(path: &Path, reason: impl std::fmt::Display) -> StartError {
    StartError::Spin {
        reason: format!("{}: {reason}", path.display()),
    }
}

impl SpinManifest {
    pub(super) fn read(path: &Path) -> Result<Self, StartError> {
        let text = std::fs::read_to_string(path).map_err(|error| wrong(path, error))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|reason| wrong(path, reason))
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let mut document: Document = toml::from_str(text).map_err(|error| error.to_string())?;
        if document.spin_manifest_version != 2 {
            return Err("expected spin_manifest_version 2".to_owned());
        }
        let [trigger] = document.trigger.http.as_slice() else {
            return Err("expected one HTTP trigger".to_owned());
        };
        if trigger.route.as_str() != Some("/...") {
            return Err(format!("the route is {}; expected \"/...\"", trigger.route));
        }
        let name = trigger.component.as_str();
        let name = name.ok_or("expected the name of a component in the trigger")?;
        let component = document.component.remove(name);
        let component = component.ok_or_else(|| format!("there is no component {name}"))?;
        if !component.files.is_empty() {
            return Err(format!("component.{name}.files: this host gives no files"));
        }
        let source = component.source.as_ref().and_then(toml::Value::as_str);
        let source = source.ok_or_else(|| format!("component.{name}.source: expected a path"))?;
        let plain = |label: &str| {
            let good = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
            !label.is_empty() && label.len() <= 64 && label.chars().all(good)
        };
        if let Some(label) = component.key_value_stores.iter().find(|it| !plain(it)) {
            return Err(format!("{label:?} is no name of a key-value store"));
        }
        Ok(Self {
            source: folder.join(source),
            variables: document.variables,
            component,
        })
    }

    /// The component's file.
    pub(super) fn source(&self) -> &Path {
        &self.source
    }

    /// The labels of the stores that the component may open.
    pub(super) fn key_value_stores(&self) -> impl Iterator<Item = &str> {
        self.component.key_value_stores.iter().map(String::as_str)
    }

    /// The component's environment.
    pub(super) fn environment(&self) -> &BTreeMap<String, String> {
        &self.component.environment
    }

    /// The application's variables: given, else of the environment, else as the manifest has them.
    pub(super) fn variables(
        &self,
        given: &BTreeMap<String, String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, String>, StartError> {
        let unknown = given
            .keys()
            .find(|name| !self.variables.contains_key(*name));
        if let Some(name) = unknown {
            let reason = format!("the manifest has no variable {name}");
            return Err(StartError::Spin { reason });
        }
        let value = |(name, variable): (&String, &Variable)| {
            let named = format!("{ENVIRONMENT}{}", name.to_ascii_uppercase());
            let value = given.get(name).cloned();
            let value = value
                .or_else(|| environment(&named))
                .or_else(|| variable.default.clone());
            let value = value.ok_or_else(|| StartError::Spin {
                reason: format!("the variable {name} has no value: set {named}"),
            })?;
            Ok((name.clone(), value))
        };
        self.variables.iter().map(value).collect()
    }

    /// What the component gets of them.
    pub(super) fn of_component(
        &self,
        variables: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, StartError> {
        let filled =
            |(name, template): (&String, &String)| Ok((name.clone(), fill(template, variables)?));
        self.component.variables.iter().map(filled).collect()
    }

    /// Where the component may send requests.
    pub(super) fn outbound(
        &self,
        variables: &BTreeMap<String, String>,
    ) -> Result<AllowedHosts, StartError> {
        let patterns = self.component.allowed_outbound_hosts.iter();
        let patterns: Vec<String> = patterns
            .map(|template| fill(template, variables))
            .collect::<Result<_, _>>()?;
        AllowedHosts::parse(&patterns).map_err(|reason| StartError::Spin { reason })
    }
}

/// Puts values in place of `{{ name }}`.
fn fill(template: &str, variables: &BTreeMap<String, String>) -> Result<String, StartError> {
    let wrong = |reason: String| StartError::Spin { reason };
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after
            .split_once("}}")
            .ok_or_else(|| wrong(format!("{template:?} has no end of a variable")))?;
        let value = variables.get(name.trim());
        filled.push_str(before);
        filled.push_str(value.ok_or_else(|| {
            wrong(format!(
                "{template:?}: there is no variable {}",
                name.trim()
            ))
        })?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        spin_manifest_version = 2
        [variables]
        target = { default = "https://collector.test" }
        token = { required = true, secret = true }
        [[trigger.http]]
        route = "/..."
        component = "it"
        [component.it]
        source = "it.wasm"
        key_value_stores = ["default"]
        allowed_outbound_hosts = ["{{ target }}"]
        environment = { HERE = "1" }
        [component.it.variables]
        url = "{{ target }}/records"
        token = "{{ token }}"
    "#;

    #[test]
    fn variables_are_given_or_of_the_environment_or_as_the_manifest_has_them() {
        let manifest = SpinManifest::parse(GOOD, Path::new("folder")).expect("right");
        assert_eq!(manifest.source(), Path::new("folder/it.wasm"));
        let environment =
            |name: &str| (name == "SPIN_VARIABLE_TOKEN").then(|| "from outside".to_owned());
        let none = BTreeMap::new();
        let variables = manifest.variables(&none, environment).expect("all");
        let own = manifest.of_component(&variables).expect("right");
        assert_eq!(own["url"], "https://collector.test/records");
        assert_eq!(own["token"], "from outside");
        let given = BTreeMap::from([("token".to_owned(), "given".to_owned())]);
        let variables = manifest.variables(&given, environment).expect("all");
        assert_eq!(variables["token"], "given");
        assert!(manifest.variables(&none, |_| None).is_err());
        let unknown = BTreeMap::from([("other".to_owned(), String::new())]);
        assert!(manifest.variables(&unknown, environment).is_err());
    }

    #[test]
    fn what_this_host_does_not_do_is_refused() {
        for (right, wrong) in [
            ("version = 2", "version = 1"),
            ("\"/...\"", "\"/other\""),
            ("component = \"it\"", "component = \"other\""),
            ("\"it.wasm\"", "{ url = \"https://x.test\" }"),
            ("[\"default\"]", "[\"../up\"]"),
            ("environment =", "files = [\"www\"]\n environment ="),
        ] {
            let text = GOOD.replacen(right, wrong, 1);
            assert_ne!(text, GOOD);
            assert!(
                SpinManifest::parse(&text, Path::new("")).is_err(),
                "{wrong}"
            );
        }
    }
}
