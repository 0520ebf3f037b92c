//! Between columns and types. A column that does not hold what its type demands is an error that
//! names the column.

use std::error::Error as StdError;
use std::str::FromStr;

use rusqlite::types::Type;
use rusqlite::{Result, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared_types::Timestamp;

type BoxError = Box<dyn StdError + Send + Sync>;

/// A text column that is parsed.
pub(crate) fn parsed<T>(row: &Row<'_>, column: &str) -> Result<T>
where
    T: FromStr<Err: Into<BoxError>>,
{
    row.get_ref(column)?.as_str()?.parse().map_err(|error: T::Err| unfit(row, column, Type::Text, error))
}

/// A text column that is parsed unless it is null.
pub(crate) fn parsed_opt<T>(row: &Row<'_>, column: &str) -> Result<Option<T>>
where
    T: FromStr<Err: Into<BoxError>>,
{
    match row.get_ref(column)?.as_str_or_null()? {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|error: T::Err| unfit(row, column, Type::Text, error)),
    }
}

/// A JSON column; null reads as `None` where `T` is an option.
pub(crate) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T> {
    let text = row.get_ref(column)?.as_str_or_null()?.unwrap_or("null");
    serde_json::from_str(text).map_err(|error| unfit(row, column, Type::Text, error))
}

/// A column of milliseconds.
pub(crate) fn time(row: &Row<'_>, column: &str) -> Result<Timestamp> {
    row.get(column).map(Timestamp::from_unix_ms)
}

/// A whole number that is never negative.
pub(crate) fn count(row: &Row<'_>, column: &str) -> Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|error| unfit(row, column, Type::Integer, error))
}

/// A value as JSON text.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// A number for SQLite, whose integers are signed: beyond them it stands for "no bound".
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The column does not hold what its type demands.
pub(crate) fn unfit(row: &Row<'_>, column: &str, kind: Type, error: impl Into<BoxError>) -> rusqlite::Error {
    // A column that is missing was reported when it was read.
    let place = row.as_ref().column_index(column).unwrap_or_default();
    rusqlite::Error::FromSqlConversionFailure(place, kind, format!("column {column}: {}", error.into()).into())
}
