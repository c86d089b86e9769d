//! Parses JSON bodies, and describes errors without names of Rust types.

use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// Expected types: in serde's messages and in ours.
const EXPECTED: [(&str, &str); 7] = [
    ("f32", "a number"),
    ("f64", "a number"),
    ("usize", "a whole number, 0 or more"),
    ("u64", "a whole number, 0 or more"),
    ("a sequence", "an array"),
    ("a map", "an object"),
    ("struct Columns", "an object"),
];

/// Found types: in serde's messages and in ours.
const FOUND: [(&str, &str); 3] = [
    ("invalid type: map", "invalid type: object"),
    ("invalid type: sequence", "invalid type: array"),
    (
        "data did not match any variant of untagged enum Column",
        "a column is its name or its position from 1",
    ),
];

/// Parses a body as an object. Errors contain `example`, which shows a valid body.
///
/// # Errors
/// Status 400 if the body is not JSON, and 422 if the JSON has other members.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8], example: &str) -> Result<T, ApiError> {
    let malformed = |problem: String| {
        let error = format!("The body is not valid JSON: {problem}");
        ApiError::new(StatusCode::BAD_REQUEST, error, example)
    };
    let start = body.trim_ascii_start();
    if start.is_empty() {
        return Err(malformed("it is empty".to_owned()));
    }
    // Serde accepts an array as a struct without field names.
    if start.starts_with(b"[") {
        let problem = "expected an object, found an array";
        return Err(ApiError::invalid(problem, example));
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => ApiError::invalid(describe(&error), example),
        _ => malformed(error.to_string()),
    })
}

/// Describes an invalid value.
pub(crate) fn describe(error: &serde_json::Error) -> String {
    let mut problem = error.to_string();
    for (serde_text, text) in FOUND {
        if let Some(rest) = problem.strip_prefix(serde_text) {
            problem = format!("{text}{rest}");
        }
    }
    let Some((found, expected)) = problem.rsplit_once(", expected ") else {
        return problem;
    };
    for (serde_text, text) in EXPECTED {
        if let Some(rest) = expected.strip_prefix(serde_text) {
            return format!("{found}, expected {text}{rest}");
        }
    }
    problem
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use settings::Columns;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(expecting = "an object")]
    #[allow(dead_code, reason = "it is only parsed")]
    struct TestRequest {
        abstain: Option<f32>,
        calibrate_on: Option<usize>,
        topics: Option<Vec<String>>,
        columns: Option<Columns>,
    }

    #[test]
    fn errors_name_no_rust_types() {
        for (body, expected) in [
            (
                "5",
                "invalid type: integer `5`, expected an object at line 1",
            ),
            (
                r#"{"abstain": "x"}"#,
                "string \"x\", expected a number at line 1",
            ),
            (
                r#"{"calibrate_on": -1}"#,
                "integer `-1`, expected a whole number, 0 or more at",
            ),
            (
                r#"{"topics": {}}"#,
                "invalid type: object, expected an array",
            ),
            (r#"{"columns": 3}"#, "expected an object"),
            (
                r#"{"columns": {"text": []}}"#,
                "a column is its name or its position from 1",
            ),
            (
                r#"{"calibrate_on": ", expected f32"}"#,
                "expected a whole number",
            ),
        ] {
            let error = serde_json::from_str::<TestRequest>(body).expect_err("it is invalid");
            let found = describe(&error);
            assert!(found.contains(expected), "{found}");
        }
    }
}
