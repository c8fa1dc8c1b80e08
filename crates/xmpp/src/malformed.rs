//! Why a stream cannot be read any further.

/// The rule that the other end of a stream breaks. Nothing after it can be understood: the stream
/// ends, with `<not-well-formed/>`, `<restricted-xml/>` or `<bad-format/>` (RFC 6120 section 4.9.3).
///
/// The reason does not depend on how the bytes were cut into segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// What is no attribute stands in a tag, or one that is not quoted.
    Attribute,
    /// An attribute stands twice in a tag.
    AttributeRepeated,
    /// A character that XML does not have (XML 1.0 section 2.2).
    Character,
    /// A comment (RFC 6120 section 11.1).
    Comment,
    /// A document type, or any other declaration (RFC 6120 section 11.1).
    Declaration,
    /// A reference to an entity other than the five of XML, or to a character that there is not
    /// (RFC 6120 section 11.1).
    Entity,
    /// A prefix that nobody has declared.
    Prefix,
    /// A processing instruction, or an XML declaration that is not at the beginning (RFC 6120
    /// section 11.1).
    ProcessingInstruction,
    /// Tags that do not belong together, or a name that is none.
    Tag,
    /// Characters between stanzas, or before the stream (RFC 6120 section 11.7).
    Text,
    /// Bytes that are not UTF-8 (RFC 6120 section 11.6).
    Utf8,
}

impl Malformed {
    /// Name for metrics and logs, in snake case; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Attribute => "attribute",
            Self::AttributeRepeated => "attribute_repeated",
            Self::Character => "character",
            Self::Comment => "comment",
            Self::Declaration => "declaration",
            Self::Entity => "entity",
            Self::Prefix => "prefix",
            Self::ProcessingInstruction => "processing_instruction",
            Self::Tag => "tag",
            Self::Text => "text",
            Self::Utf8 => "utf8",
        }
    }

    /// The condition of the stream error that says so (RFC 6120 section 4.9.3).
    pub fn condition(self) -> &'static str {
        match self {
            Self::Comment | Self::Declaration | Self::ProcessingInstruction => "restricted-xml",
            Self::Prefix => "bad-namespace-prefix",
            Self::Text => "bad-format",
            Self::Utf8 => "unsupported-encoding",
            _ => "not-well-formed",
        }
    }
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Attribute => "a tag has something that is no quoted attribute",
            Self::AttributeRepeated => "an attribute stands twice in a tag",
            Self::Character => "there is a character that XML does not have",
            Self::Comment => "there is a comment, which XMPP does not have",
            Self::Declaration => "there is a declaration, which XMPP does not have",
            Self::Entity => "there is a reference to an unknown entity or character",
            Self::Prefix => "there is a namespace prefix that is not declared",
            Self::ProcessingInstruction => {
                "there is a processing instruction, which XMPP does not have"
            }
            Self::Tag => "there are tags that do not belong together",
            Self::Text => "there is text outside of the stanzas",
            Self::Utf8 => "there are bytes that are not UTF-8",
        })
    }
}

impl std::error::Error for Malformed {}
