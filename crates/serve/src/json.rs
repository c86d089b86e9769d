//! Bodies of JSON, and what is wrong with them in words that need no Rust.

use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// What serde calls what is expected, and what people call it.
const EXPECTED: [(&str, &str); 7] = [
    ("f32", "a number"),
    ("f64", "a number"),
    ("usize", "a whole number, 0 or more"),
    ("u64", "a whole number, 0 or more"),
    ("a sequence", "an array"),
    ("a map", "an object"),
    ("struct Columns", "an object"),
];

/// What serde calls what it found instead.
const FOUND: [(&str, &str); 3] = [
    ("invalid type: map", "invalid type: object"),
    ("invalid type: sequence", "invalid type: array"),
    (
        "data did not match any variant of untagged enum Column",
        "a column is its name or its position from 1",
    ),
];

/// An object from a body; an error shows the example of a body that is right.
///
/// # Errors
/// 400 for a body that is no JSON, and 422 for JSON that says something else.
pub(crate) fn parsed<T: DeserializeOwned>(body: &[u8], example: &str) -> Result<T, ApiError> {
    let malformed = |problem: String| {
        let error = format!("The body is no JSON: {problem}");
        ApiError::new(StatusCode::BAD_REQUEST, error, example)
    };
    let start = body.trim_ascii_start();
    if start.is_empty() {
        return Err(malformed("it is empty".to_owned()));
    }
    // Serde would take an array for a struct without the names of its fields.
    if start.starts_with(b"[") {
        let problem = "an object is expected, and not an array";
        return Err(ApiError::unfit(problem, example));
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => ApiError::unfit(in_words(&error), example),
        _ => malformed(error.to_string()),
    })
}

/// What is wrong with a value.
pub(crate) fn in_words(error: &serde_json::Error) -> String {
    let mut problem = error.to_string();
    for (theirs, ours) in FOUND {
        if let Some(rest) = problem.strip_prefix(theirs) {
            problem = format!("{ours}{rest}");
        }
    }
    let Some((found, expected)) = problem.rsplit_once(", expected ") else {
        return problem;
    };
    for (theirs, ours) in EXPECTED {
        if let Some(rest) = expected.strip_prefix(theirs) {
            return format!("{found}, expected {ours}{rest}");
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
    struct Upload {
        abstain: Option<f32>,
        adapt: Option<usize>,
        topics: Option<Vec<String>>,
        columns: Option<Columns>,
    }

    #[test]
    fn problems_are_told_without_rust() {
        for (body, said) in [
            (
                "5",
                "invalid type: integer `5`, expected an object at line 1",
            ),
            (
                r#"{"abstain": "x"}"#,
                "string \"x\", expected a number at line 1",
            ),
            (
                r#"{"adapt": -1}"#,
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
            (r#"{"adapt": ", expected f32"}"#, "expected a whole number"),
        ] {
            let error = serde_json::from_str::<Upload>(body).expect_err("it does not fit");
            let found = in_words(&error);
            assert!(found.contains(said), "{found}");
        }
    }
}
