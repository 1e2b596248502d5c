//! Which source wins, and what a wrong file is told.

use super::*;
use std::collections::BTreeMap;

type Tested = Result<(), Box<dyn std::error::Error>>;

fn file(text: &str) -> std::io::Result<(tempfile::TempDir, String)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("picket.toml");
    std::fs::write(&path, text)?;
    let path = path.to_string_lossy().into_owned();
    Ok((folder, path))
}

fn call(words: &[&str]) -> Vec<OsString> {
    std::iter::once("edge-runtime")
        .chain(words.iter().copied())
        .map(OsString::from)
        .collect()
}

/// The setting's flag in the joined call, with its source.
fn setting(
    words: &[&str],
    variables: &BTreeMap<&str, &str>,
    key: &str,
) -> Result<(Option<OsString>, Source)> {
    let environment = |name: &str| variables.get(name).map(OsString::from);
    let (call, sources) = joined(call(words), &environment)?;
    let source = sources.get(key).cloned().unwrap_or(Source::Default);
    Ok((given(&call, key), source))
}

#[test]
fn flags_go_before_variables_before_the_file() -> Tested {
    let (_folder, path) = file("[serve]\nlisten = \"127.0.0.1:3\"\nmodel = \"m\"\n")?;
    for bits in 0..8 {
        let (flag, variable, in_file) = (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
        let mut words = vec!["serve", "--model", "m"];
        if in_file {
            words.extend(["--config", &path]);
        }
        if flag {
            words.push("--listen=127.0.0.1:1");
        }
        let mut variables = BTreeMap::new();
        if variable {
            variables.insert("PICKET_LISTEN", "127.0.0.1:2");
        }
        let (value, source) = setting(&words, &variables, "listen")?;
        let (expected, from) = match (flag, variable, in_file) {
            (true, ..) => (Some("127.0.0.1:1"), Source::Flag),
            (_, true, _) => (None, Source::Environment("PICKET_LISTEN".to_owned())),
            (.., true) => (Some("127.0.0.1:3"), Source::File(path.clone())),
            _ => (None, Source::Default),
        };
        assert_eq!(
            value,
            expected.map(OsString::from),
            "{words:?} {variables:?}"
        );
        assert_eq!(source, from, "{words:?} {variables:?}");
    }
    Ok(())
}

#[test]
fn a_file_named_by_a_variable_sets_what_flags_can() -> Tested {
    let (_folder, path) = file(
        "[serve]\nmodel = \"a model\"\nmax-rows = 7\nopen = true\nallow-http = false\n\
         allow-origin = [\"https://a.example\", \"https://b.example\"]\n[collect]\nlisten = \"[::1]:0\"\n",
    )?;
    let environment = |name: &str| (name == "PICKET_CONFIG").then(|| OsString::from(&path));
    let (call, _) = joined(call(&["serve", "--instances", "2"]), &environment)?;
    let matches = command().try_get_matches_from(call)?;
    let (_, serve) = matches.subcommand().ok_or("a command")?;
    assert_eq!(serve.get_one::<usize>("max_rows"), Some(&7));
    assert_eq!(serve.get_one::<usize>("instances"), Some(&2));
    assert!(serve.get_flag("open") && !serve.get_flag("allow_http"));
    let origins: Vec<&String> = serve.get_many("allow_origin").ok_or("origins")?.collect();
    assert_eq!(origins, ["https://a.example", "https://b.example"]);
    Ok(())
}

#[test]
fn wrong_files_are_told_what_is_meant() -> Tested {
    for (text, said) in [
        (
            "[serve]\nlistn = \"x\"",
            "unknown key listn in [serve]; is listen meant?",
        ),
        ("[serve]\nmax_rows = 7", "is max-rows meant?"),
        ("[serve]\nzzzzzzzz = 7", "config explain serve"),
        (
            "[serv]\nlisten = \"x\"",
            "unknown key serv; is [serve] meant?",
        ),
        ("listen = \"x\"", "settings stand in a table"),
        ("serve = 3", "expected the table [serve]"),
        ("[serve]\nopen = \"yes\"", "expected true or false"),
        ("[serve]\nlisten = true", "expected a text or a number"),
        ("[serve", "no TOML"),
        ("[serve]\nconfig = \"x\"", "unknown key config"),
    ] {
        let (_folder, path) = file(text)?;
        let refused = setting(&["serve", "--config", &path], &BTreeMap::new(), "listen");
        let refused = format!("{:#}", refused.expect_err(text));
        assert!(refused.contains(said), "{text}: {refused}");
    }
    let missing = setting(
        &["serve", "--config", "/nowhere"],
        &BTreeMap::new(),
        "listen",
    );
    assert!(missing.is_err());
    // A value that is none is clap's to tell, as for a flag.
    let (_folder, path) = file("[serve]\nmodel = \"m\"\nlisten = \"nowhere\"")?;
    let (call, _) = joined(call(&["serve", "--config", &path]), &|_| None)?;
    let refused = command()
        .try_get_matches_from(call)
        .expect_err("no address");
    assert!(refused.to_string().contains("--listen"), "{refused}");
    Ok(())
}

#[test]
fn an_explanation_tells_values_and_sources_and_no_secret() -> Tested {
    let (_folder, path) = file(
        "[serve]\nspool = \"spool\"\nupload = \"mongodb://user:secret@host\"\nmax-rows = 7\n",
    )?;
    let call = call(&["serve", "--config", &path, "--model=a b", "--open"]);
    let text = Settings::of(call)?.explain()?;
    assert!(!text.contains("secret"), "{text}");
    for line in [
        "model = \"a b\"  # flag",
        "open = true  # flag",
        &format!("max-rows = 7  # file {path}"),
        &format!("upload = \"***\"  # file {path}"),
        "listen = \"127.0.0.1:3000\"  # default",
        "# tls-key = \"\"  # default",
        "allow-http = false  # default",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}: {text}");
    }
    // What is told can be a file.
    let read: Table = text.parse()?;
    assert!(read["serve"].is_table());
    Ok(())
}

#[test]
fn every_setting_has_a_variable_of_its_own() {
    for name in COMMANDS {
        let root = command();
        let found = root.find_subcommand(name).expect("a command");
        let mut seen = std::collections::BTreeSet::new();
        for arg in settings_of(found) {
            let variable = arg.get_env().and_then(OsStr::to_str).expect("a variable");
            assert!(variable.starts_with("PICKET_"), "{variable}");
            assert!(seen.insert(variable.to_owned()), "{variable} twice");
        }
        assert!(seen.len() > 10, "{name}: {seen:?}");
    }
    command().debug_assert();
}
