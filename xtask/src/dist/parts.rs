//! The list of parts, in CycloneDX 1.5: every crate and npm package that the lock files name for what is handed out.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Plan, files};
use crate::shell;

pub(super) fn make(plan: &Plan) -> Result<PathBuf> {
    let metadata = ["cargo", "metadata", "--format-version", "1", "--locked"];
    let cargo: Value = serde_json::from_str(&shell::output(&metadata).context("cargo metadata does not answer")?)?;
    let npm: Value = serde_json::from_slice(&fs::read(shell::root().join("ui/package-lock.json"))?)?;
    let list = list(plan, &cargo, &npm)?;
    let file = plan.out.join(format!("deskbell-{}.cdx.json", plan.version));
    fs::write(&file, serde_json::to_string_pretty(&list)? + "\n")?;
    Ok(file)
}

fn list(plan: &Plan, cargo: &Value, npm: &Value) -> Result<Value> {
    let (mut components, dependencies) = crates(cargo)?;
    components.extend(packages(npm)?);
    let serial = files::uuid(&serde_json::to_string(&components)?);
    let time = shell::output(&["date", "-u", "-d", &format!("@{}", plan.epoch), "+%Y-%m-%dT%H:%M:%SZ"]);
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": format!("urn:uuid:{serial}"),
        "version": 1,
        "metadata": {
            "timestamp": time.context("date does not answer")?.trim(),
            "component": {
                "bom-ref": "deskbell",
                "type": "application",
                "name": "deskbell",
                "version": plan.version,
                "licenses": [{ "expression": "Apache-2.0 OR MIT" }],
            },
        },
        "components": components,
        "dependencies": dependencies,
    }))
}

/// What the agent and the server are made of, on any system; not what only builds or tests them.
fn crates(cargo: &Value) -> Result<(Vec<Value>, Vec<Value>)> {
    let nodes = cargo["resolve"]["nodes"].as_array().context("cargo metadata has no graph")?;
    let nodes: BTreeMap<&str, &Value> = nodes.iter().filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let packages = cargo["packages"].as_array().context("cargo metadata has no packages")?;
    let packages: BTreeMap<&str, &Value> = packages.iter().filter_map(|one| Some((one["id"].as_str()?, one))).collect();
    let roots = packages.iter().filter(|(_, one)| matches!(one["name"].as_str(), Some("deskbell" | "deskbell-server")));
    let mut open: Vec<&str> = roots.map(|(id, _)| *id).collect();
    let mut wanted = BTreeMap::new();
    while let Some(id) = open.pop() {
        if wanted.contains_key(id) {
            continue;
        }
        let below = nodes.get(id).map_or_else(Vec::new, |node| shipped(node));
        open.extend(&below);
        wanted.insert(id, below);
    }
    let purl = |id: &str| packages.get(id).map(|one| purl_of_crate(one)).unwrap_or_default();
    let mut components: Vec<Value> =
        wanted.keys().filter_map(|id| packages.get(id)).map(|one| component_of_crate(one)).collect();
    components.sort_by_key(|one| one["purl"].to_string());
    let mut dependencies: Vec<Value> = wanted
        .iter()
        .map(|(id, below)| {
            let mut below: Vec<String> = below.iter().map(|id| purl(id)).collect();
            below.sort();
            json!({ "ref": purl(id), "dependsOn": below })
        })
        .collect();
    dependencies.sort_by_key(|one| one["ref"].to_string());
    Ok((components, dependencies))
}

/// The normal dependencies of a crate: a kind of none.
fn shipped(node: &Value) -> Vec<&str> {
    let dependencies = node["deps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let normal =
        |one: &&Value| one["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()));
    dependencies.iter().filter(normal).filter_map(|one| one["pkg"].as_str()).collect()
}

fn purl_of_crate(one: &Value) -> String {
    format!("pkg:cargo/{}@{}", one["name"].as_str().unwrap_or_default(), one["version"].as_str().unwrap_or_default())
}

fn component_of_crate(one: &Value) -> Value {
    component(&purl_of_crate(one), &one["name"], &one["version"], &one["license"])
}

/// What the lock file names. Some of it only builds the pages: it is listed, because a bundler's output may hold its code.
fn packages(npm: &Value) -> Result<Vec<Value>> {
    let packages = npm["packages"].as_object().context("package-lock.json has no packages")?;
    let named = packages.iter().filter_map(|(path, one)| Some((path.rsplit_once("node_modules/")?.1, one)));
    let mut components: Vec<Value> = named
        .map(|(name, one)| {
            let version = one["version"].as_str().unwrap_or_default();
            let purl = format!("pkg:npm/{}@{version}", name.replace('@', "%40"));
            component(&purl, &json!(name), &one["version"], &one["license"])
        })
        .collect();
    components.sort_by_key(|one| one["purl"].to_string());
    components.dedup();
    Ok(components)
}

/// CycloneDX takes an SPDX expression; crates of old wrote `A/B` for a choice.
fn component(purl: &str, name: &Value, version: &Value, license: &Value) -> Value {
    let mut component = json!({ "bom-ref": purl, "type": "library", "name": name, "version": version, "purl": purl });
    if let Some(license) = license.as_str() {
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Value {
        let one = |id: &str, license: Value| json!({ "id": id, "name": id, "version": "1.0.0", "license": license });
        let edge = |id: &str, kind: Value| json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] });
        json!({
            "packages": [one("deskbell", json!("MIT")), one("serde", json!("MIT/Apache-2.0")), one("cc", Value::Null)],
            "resolve": { "nodes": [
                { "id": "deskbell", "deps": [edge("serde", Value::Null), edge("cc", json!("build"))] },
                { "id": "serde", "deps": [] },
                { "id": "cc", "deps": [] },
            ] },
        })
    }

    #[test]
    fn what_only_builds_is_no_part() {
        let (components, dependencies) = crates(&metadata()).unwrap();
        let names: Vec<_> = components.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["deskbell", "serde"]);
        assert_eq!(dependencies[0]["dependsOn"], json!(["pkg:cargo/serde@1.0.0"]));
        assert_eq!(components[1]["licenses"][0]["expression"], "MIT OR Apache-2.0");
    }

    #[test]
    fn a_scope_is_spelled_as_package_urls_want_it() {
        let lock = json!({ "packages": { "": {}, "node_modules/@a/b": { "version": "2.0.0", "license": "MIT" } } });
        assert_eq!(packages(&lock).unwrap()[0]["purl"], "pkg:npm/%40a/b@2.0.0");
    }
}
