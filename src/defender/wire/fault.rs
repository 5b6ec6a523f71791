//! Errors as the API, the gateway in front of it and their kin write them: the envelope of the
//! "Common REST API error codes" page, in whatever case, nested or not.

use serde_json::{Map, Value};

use crate::defender::text::text_of;
use crate::domain::ErrorBody;

/// How deep an error may lie in errors.
const DEPTH: usize = 4;

/// Codes that name no more than the status does. A code further inside says more.
const GENERAL: [&str; 9] = [
    "BadRequest",
    "Unauthorized",
    "Forbidden",
    "NotFound",
    "Conflict",
    "InvalidRequest",
    "InternalServerError",
    "GeneralException",
    "UnknownError",
];

/// The error that a body tells of, if it does.
pub(super) fn error_of(fields: &Map<String, Value>) -> Option<ErrorBody> {
    if let Some(Value::Object(error)) = field(fields, "error") {
        return Some(nested(error, DEPTH));
    }
    let (code, message) = (text(fields, "code"), text(fields, "message"));
    // The gateway in front of the API has a form of its own.
    if let (Some(_), Some(message)) = (text(fields, "statusCode"), &message) {
        let code = code.unwrap_or_default();
        return Some(ErrorBody { code, message: message.clone(), target: None });
    }
    match (field(fields, "code"), code, message) {
        (Some(Value::String(_)), Some(code), Some(message)) => {
            Some(ErrorBody { code, message, target: None })
        }
        _ => None,
    }
}

fn nested(error: &Map<String, Value>, depth: usize) -> ErrorBody {
    let mut told = ErrorBody {
        code: text(error, "code").unwrap_or_default().trim().to_owned(),
        message: text(error, "message").unwrap_or_default(),
        target: text(error, "target").filter(|target| !target.is_empty()),
    };
    for name in ["error", "innererror"] {
        let Some(Value::Object(inside)) = field(error, name) else { continue };
        if depth == 0 {
            break;
        }
        let inside = nested(inside, depth - 1);
        if is_general(&told.code) && !inside.code.is_empty() {
            told.code = inside.code;
        }
        if told.message.is_empty() {
            told.message = inside.message;
        }
        told.target = told.target.or(inside.target);
    }
    told
}

fn is_general(code: &str) -> bool {
    code.bytes().all(|byte| byte.is_ascii_digit())
        || GENERAL.iter().any(|one| one.eq_ignore_ascii_case(code))
}

/// A field by its name, or by its name in another case.
fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let other_case = || fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    fields.get(name).or_else(|| other_case().map(|(_, value)| value))
}

fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    field(fields, name).and_then(text_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &str) -> Option<(String, String)> {
        let Ok(Value::Object(fields)) = serde_json::from_str(json) else { panic!("{json}") };
        error_of(&fields).map(|error| (error.code, error.message))
    }

    #[test]
    fn an_error_is_read_in_every_form_and_the_most_special_code_counts() {
        let some = |code: &str, message: &str| Some((code.to_owned(), message.to_owned()));
        let forms = [
            (r#"{"error":{"code":"DisallowedOperation","message":"m"}}"#, "DisallowedOperation"),
            (r#"{"Error":{"Code":"disallowedoperation","Message":"m"}}"#, "disallowedoperation"),
            (r#"{"error":{"error":{"code":"DisabledFeature","message":"m"}}}"#, "DisabledFeature"),
            (
                r#"{"error":{"code":"Forbidden","message":"m","innererror":{"code":"OwnReason"}}}"#,
                "OwnReason",
            ),
            (
                r#"{"error":{"code":"","message":"m","innerError":{"innererror":{"code":"X"}}}}"#,
                "X",
            ),
            (r#"{"error":{"code":"Own","message":"m","innererror":{"code":"X"}}}"#, "Own"),
            (r#"{"code":"DisallowedOperation","message":"m"}"#, "DisallowedOperation"),
            (r#"{"statusCode":404,"message":"m"}"#, ""),
            (
                r#"{"error":{"code":"Forbidden","message":"m","innererror":{"date":"d"}}}"#,
                "Forbidden",
            ),
        ];
        for (json, code) in forms {
            assert_eq!(told(json), some(code, "m"), "{json}");
        }
        for json in [r#"{"error":null}"#, r#"{"error":"m"}"#, r#"{"code":403,"message":"m"}"#, "{}"]
        {
            assert_eq!(told(json), None, "{json}");
        }
    }

    #[test]
    fn errors_without_end_are_read_to_a_depth() {
        let deep = format!("{}{}", r#"{"error":"#.repeat(60), "{}".to_owned() + &"}".repeat(60));
        assert_eq!(told(&deep), Some((String::new(), String::new())));
    }
}
