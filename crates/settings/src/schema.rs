//! The JSON Schema of the pipeline file. Its descriptions are the doc comments of the settings.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::names::list;

/// A JSON Schema with the definitions that it refers to by name.
pub(crate) struct Schema {
    /// Name of the type.
    pub(crate) name: String,
    /// The schema as JSON.
    pub(crate) root: Value,
}

impl Schema {
    /// The schema of a type. Draft 7, because the editor extensions for TOML read that one.
    pub(crate) fn new<T: JsonSchema>() -> Self {
        let generator = SchemaSettings::draft07().into_generator();
        let mut root = generator.into_root_schema_for::<T>().to_value();
        simplify(&mut root);
        let name = T::schema_name().into_owned();
        Self { name, root }
    }

    /// Follows a reference: the name of the definition (empty if there is no reference) and the schema itself.
    pub(crate) fn resolve<'a>(&'a self, schema: &'a Value) -> (&'a str, &'a Value) {
        // A reference with a description beside it is wrapped in a list of one.
        let inner = &schema["allOf"][0];
        let reference = schema["$ref"].as_str().or(inner["$ref"].as_str());
        let name = reference.and_then(|it| it.strip_prefix("#/definitions/"));
        name.map_or(("", schema), |name| (name, &self.root["definitions"][name]))
    }

    /// What a value may be, in words: "a whole number", "a list of texts", "one of `a`, `b`".
    pub(crate) fn describe(&self, schema: &Value) -> String {
        let schema = self.resolve(schema).1;
        let allowed = allowed_values(schema);
        if !allowed.is_empty() {
            return format!("one of {}", list(&allowed));
        }
        if let Some(forms) = alternatives(schema) {
            let forms: Vec<String> = forms.iter().map(|form| self.describe(form)).collect();
            return forms.join(" or ");
        }
        let kind = match schema["type"].as_str() {
            Some("integer") => "a whole number",
            Some("number") => "a number",
            Some("boolean") => "`true` or `false`",
            Some("string") if schema["maxLength"] == 1 => "a single character",
            Some("string") => "a text",
            Some("array") => {
                let item = self.describe(&schema["items"]);
                return format!("a list of {}s", item.strip_prefix("a ").unwrap_or("text"));
            }
            Some("object") => "a table",
            _ => "a value",
        };
        kind.to_owned()
    }
}

/// The forms that a value may have, if there are several.
pub(crate) fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema["anyOf"].as_array().or(schema["oneOf"].as_array())
}

/// The texts that a setting allows; empty if it is not limited to certain texts.
pub(crate) fn allowed_values(schema: &Value) -> Vec<String> {
    let forms = alternatives(schema).into_iter().flatten();
    let constants = forms.filter_map(|form| form["const"].as_str());
    constants.map(str::to_owned).collect()
}

/// Adapts a schema to TOML, which has no null: removes null from types and defaults. Defaults of whole tables are
/// removed, too, because they repeat the defaults of their settings. Joins the lines of descriptions.
fn simplify(schema: &mut Value) {
    if let Value::Object(members) = schema {
        members.retain(|name, value| match name.as_str() {
            "default" => !(value.is_null() || value.is_object()),
            name => name != "writeOnly",
        });
        if let Some(Value::String(text)) = members.get_mut("description") {
            *text = text.replace('\n', " ");
        }
        if let Some(types) = members.get("type").and_then(Value::as_array) {
            members["type"] = types[0].clone();
        }
        if let Some(Value::Array(forms)) = members.get_mut("anyOf") {
            forms.retain(|form| form["type"] != "null");
            if let [form] = &forms[..] {
                let form = json!([form]);
                members.remove("anyOf");
                members.insert("allOf".to_owned(), form);
            }
        }
        members.values_mut().for_each(simplify);
    } else if let Value::Array(items) = schema {
        items.iter_mut().for_each(simplify);
    }
}
