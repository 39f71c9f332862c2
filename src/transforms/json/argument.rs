//! What the arguments of a step are as JSON.

use serde_json::{Value, json};

use super::super::{Erased, Interpolation, PaddingMode, Shear, Size};

/// The type of an argument of a step, or of several.
pub(in crate::transforms) trait Argument: Sized {
    /// What it is in JSON: "a number".
    fn kind() -> String;

    fn from_json(value: &Value) -> Option<Self>;

    fn to_json(&self) -> Value;
}

macro_rules! scalars {
    ($($scalar:ty: $kind:literal, $read:expr;)+) => {$(
        impl Argument for $scalar {
            fn kind() -> String {
                $kind.into()
            }

            fn from_json(value: &Value) -> Option<Self> {
                let read: fn(&Value) -> Option<$scalar> = $read;
                read(value)
            }

            fn to_json(&self) -> Value {
                json!(self)
            }
        }
    )+};
}

scalars! {
    bool: "true or false", Value::as_bool;
    f64: "a number", Value::as_f64;
    i64: "a whole number", Value::as_i64;
    usize: "a whole number, 0 or more", |value| value.as_u64()?.try_into().ok();
    u8: "a whole number from 0 to 255", |value| value.as_u64()?.try_into().ok();
}

fn list<T: Argument>(value: &Value) -> Option<Vec<T>> {
    value.as_array()?.iter().map(T::from_json).collect()
}

macro_rules! lists {
    ($($list:ty $(, $length:ident)?: $kind:expr;)+) => {$(
        impl$(<const $length: usize>)? Argument for $list {
            fn kind() -> String {
                $kind.into()
            }

            fn from_json(value: &Value) -> Option<Self> {
                list(value)?.try_into().ok()
            }

            fn to_json(&self) -> Value {
                json!(self[..])
            }
        }
    )+};
}

lists! {
    [f64; N], N: format!("a list of {N} numbers");
    [i64; N], N: format!("a list of {N} whole numbers");
    [u8; 3]: "three numbers from 0 to 255";
    Vec<f64>: "a list of numbers";
}

impl<T: Argument> Argument for Option<T> {
    fn kind() -> String {
        format!("{} or null", T::kind())
    }

    fn from_json(value: &Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::from_json(value).map(Some) }
    }

    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_json)
    }
}

impl Argument for Size {
    fn kind() -> String {
        "[height, width] or one whole number".into()
    }

    fn from_json(value: &Value) -> Option<Self> {
        i64::from_json(value).map(Size::Side).or_else(|| <[i64; 2]>::from_json(value).map(Size::from))
    }

    fn to_json(&self) -> Value {
        match self {
            Size::Side(side) => json!(side),
            Size::Sides { height, width } => json!([height, width]),
        }
    }
}

impl Argument for Shear {
    fn kind() -> String {
        <[f64; 4]>::kind()
    }

    fn from_json(value: &Value) -> Option<Self> {
        <[f64; 4]>::from_json(value).map(Shear::from)
    }

    fn to_json(&self) -> Value {
        json!(self.ranges())
    }
}

impl Argument for Erased {
    fn kind() -> String {
        "a number, three numbers or \"random\"".into()
    }

    fn from_json(value: &Value) -> Option<Self> {
        let colour = || <[f64; 3]>::from_json(value).map(Erased::Colour);
        match value.as_str() {
            Some(text) => (text == "random").then_some(Erased::Random),
            None => value.as_f64().map(Erased::Value).or_else(colour),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Erased::Value(value) => json!(value),
            Erased::Colour(values) => json!(values),
            Erased::Random => json!("random"),
        }
    }
}

macro_rules! named {
    ($($mode:ty: $kind:literal;)+) => {$(
        impl Argument for $mode {
            fn kind() -> String {
                $kind.into()
            }

            fn from_json(value: &Value) -> Option<Self> {
                Self::named(value.as_str()?)
            }

            fn to_json(&self) -> Value {
                json!(self.name())
            }
        }
    )+};
}

named! {
    Interpolation: "\"nearest\", \"bilinear\" or \"bicubic\"";
    PaddingMode: "\"constant\", \"edge\", \"reflect\" or \"symmetric\"";
}
