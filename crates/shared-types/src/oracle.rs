//! What decides a check: the typed readings that an item of `checks` can have.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::SitePath;

/// What decides a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Oracle {
    /// An expression evaluated in the page by a browser.
    JavaScript {
        /// Without a `js:` prefix.
        expression: String,
    },
    /// `LICENSE` in the root holds the MIT licence.
    Licence,
    /// `README.md` exists and has the sections a reader expects.
    Readme,
    /// `README.md` has a heading for each of these.
    ReadmeSections {
        /// Words that a heading holds, such as `usage`.
        sections: Vec<String>,
    },
    /// Each of these files is part of the site.
    FilesExist {
        /// Paths in the order the check names them.
        paths: Vec<SitePath>,
    },
    /// A request for each of these is answered with 200 below the site's URL.
    FilesServed {
        /// Paths in the order the check names them; the page itself is `index.html`.
        paths: Vec<SitePath>,
    },
    /// A page of the site links to or loads this file.
    FileLinked {
        /// The target.
        path: SitePath,
    },
    /// The file equals the attachment of the same name, byte for byte.
    FileEqualsAttachment {
        /// The file and the attachment's name.
        path: SitePath,
    },
    /// The file parses as JSON.
    FileIsJson {
        /// The file.
        path: SitePath,
    },
    /// The JSON file has these fields.
    JsonFields {
        /// The file.
        path: SitePath,
        /// What is asked of each.
        fields: Vec<JsonField>,
    },
    /// A file as it is served holds these texts, or none of them; comments count as text.
    SourceText {
        /// The file.
        path: SitePath,
        /// Literally, in the case that the check writes them in.
        texts: Vec<String>,
        /// All of them, or none.
        presence: Presence,
    },
    /// The page shows these texts to its visitor, or none of them.
    PageText {
        /// Literally; runs of white space count as one blank.
        texts: Vec<String>,
        /// All of them, or none.
        presence: Presence,
    },
    /// The page's title.
    Title {
        /// What it is held against.
        text: String,
        /// The whole title, or a part of it.
        matching: Matching,
    },
    /// The page has these elements, or none of them.
    Elements {
        /// Each by tag, id or attribute.
        elements: Vec<ElementQuery>,
        /// All of them, or none.
        presence: Presence,
    },
    /// The text of one element.
    ElementText {
        /// The element's id.
        id: String,
        /// What the text must be.
        form: TextForm,
    },
    /// What the page does when it is opened with a query.
    Query {
        /// Name of the parameter, such as `url`.
        parameter: String,
        /// Its value; without one the verifier chooses one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        value: Option<String>,
        /// What is seen then.
        effect: QueryEffect,
    },
    /// No rule reads it: it is reported as unjudged.
    Judge,
}

/// Whether something must be there or must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It is there.
    Present,
    /// It is nowhere.
    Absent,
}

/// How a text is held against another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// They are the same.
    Equals,
    /// It is a part of the other.
    Contains,
}

/// An element, by what is known of it; at least one of the three is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ElementQuery {
    /// Its name in lower case, such as `table`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tag: Option<String>,
    /// Its id, without `#`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    /// One of its attributes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attribute: Option<AttributeQuery>,
}

/// An attribute of an element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttributeQuery {
    /// Its name in lower case.
    pub name: String,
    /// Its whole value; any value will do without one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<String>,
}

/// One field of a JSON file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JsonField {
    /// Names joined by dots, such as `max.city`; empty for the whole document.
    pub field: String,
    /// What its value must be.
    pub rule: JsonRule,
}

/// What is asked of a JSON value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum JsonRule {
    /// It is there.
    Present,
    /// It is of a type.
    Typed {
        /// The type.
        json_type: JsonType,
    },
    /// It is this value; `5` and `5.0` differ.
    Equals {
        /// The value.
        #[schema(value_type = serde_json::Value)]
        value: serde_json::Value,
    },
}

/// Types of JSON values, as JSON Schema names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JsonType {
    /// A number without a fraction or exponent.
    Integer,
    /// Any number.
    Number,
    /// A string.
    String,
    /// `true` or `false`.
    Boolean,
    /// A list.
    Array,
    /// Names with values.
    Object,
    /// `null`.
    Null,
}

/// What the text of an element must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum TextForm {
    /// Anything but blanks.
    NotEmpty,
    /// What Python's `int()` reads: digits with an optional sign, no separators.
    Integer {
        /// The number, as decimal digits.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        equals: Option<String>,
    },
    /// What JavaScript's `parseFloat` reads to its end: no separators, no sign before it.
    Number {
        /// The number, as decimal digits; compared to the precision it is written in.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        equals: Option<String>,
    },
    /// So many integers, whatever stands between them, as in `48x32`.
    Integers {
        /// How many, at least.
        count: u32,
    },
    /// This text, blanks around it aside.
    Equals {
        /// The text.
        text: String,
    },
    /// A text that holds this one.
    Contains {
        /// The part.
        text: String,
    },
}

/// What is seen when a page is opened with a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum QueryEffect {
    /// The page opens and is not blank.
    Opens,
    /// A picture whose address is the parameter's value.
    ShowsImage,
    /// The parameter's value, as text or as the address of something.
    ShowsValue {
        /// In the element of this id; anywhere without one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        id: Option<String>,
    },
    /// A text.
    ShowsText {
        /// The text.
        text: String,
        /// In the element of this id; anywhere without one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        id: Option<String>,
    },
}

/// How sure a reading is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The sentence may mean something else: when the reading does not hold, the check is unjudged.
    Guess,
    /// The sentence hardly means anything else.
    Likely,
    /// It says so literally.
    #[default]
    Certain,
}
