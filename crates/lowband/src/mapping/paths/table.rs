//! The path table of MSC3079, appendix B, version 1.

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// The one character that stands for the path on the wire.
    pub code: &'static str,
    /// What it stands for, below `/_matrix/client/`; parameters are in braces.
    pub path: &'static str,
}

/// The version of the table, as `coap_enum_version` names it.
pub const VERSION: u32 = 1;

/// The table, in the order of its codes: digits, upper case, lower case.
pub const TABLE: [Template; 57] = [
    line("0", "versions"),
    line("1", "r0/login"),
    line("2", "r0/capabilities"),
    line("3", "r0/logout"),
    line("4", "r0/register"),
    line("5", "r0/user/{userId}/filter"),
    line("6", "r0/user/{userId}/filter/{filterId}"),
    line("7", "r0/sync"),
    line("8", "r0/rooms/{roomId}/state/{eventType}/{stateKey}"),
    line("9", "r0/rooms/{roomId}/send/{eventType}/{txnId}"),
    line("A", "r0/rooms/{roomId}/event/{eventId}"),
    line("B", "r0/rooms/{roomId}/state"),
    line("C", "r0/rooms/{roomId}/members"),
    line("D", "r0/rooms/{roomId}/joined_members"),
    line("E", "r0/rooms/{roomId}/messages"),
    line("F", "r0/rooms/{roomId}/redact/{eventId}/{txnId}"),
    line("G", "r0/createRoom"),
    line("H", "r0/directory/room/{roomAlias}"),
    line("I", "r0/joined_rooms"),
    line("J", "r0/rooms/{roomId}/invite"),
    line("K", "r0/rooms/{roomId}/join"),
    line("L", "r0/join/{roomIdOrAlias}"),
    line("M", "r0/rooms/{roomId}/leave"),
    line("N", "r0/rooms/{roomId}/forget"),
    line("O", "r0/rooms/{roomId}/kick"),
    line("P", "r0/rooms/{roomId}/ban"),
    line("Q", "r0/rooms/{roomId}/unban"),
    line("R", "r0/directory/list/room/{roomId}"),
    line("S", "r0/publicRooms"),
    line("T", "r0/user_directory/search"),
    line("U", "r0/profile/{userId}/displayname"),
    line("V", "r0/profile/{userId}/avatar_url"),
    line("W", "r0/profile/{userId}"),
    line("X", "r0/voip/turnServer"),
    line("Y", "r0/rooms/{roomId}/typing/{userId}"),
    line("Z", "r0/rooms/{roomId}/receipt/{receiptType}/{eventId}"),
    line("a", "r0/rooms/{roomId}/read_markers"),
    line("b", "r0/presence/{userId}/status"),
    line("c", "r0/sendToDevice/{eventType}/{txnId}"),
    line("d", "r0/devices"),
    line("e", "r0/devices/{deviceId}"),
    line("f", "r0/delete_devices"),
    line("g", "r0/keys/upload"),
    line("h", "r0/keys/query"),
    line("i", "r0/keys/claim"),
    line("j", "r0/keys/changes"),
    line("k", "r0/pushers"),
    line("l", "r0/pushers/set"),
    line("m", "r0/notifications"),
    line("n", "r0/pushrules/"),
    line("o", "r0/search"),
    line("p", "r0/user/{userId}/rooms/{roomId}/tags"),
    line("q", "r0/user/{userId}/rooms/{roomId}/tags/{tag}"),
    line("r", "r0/user/{userId}/account_data/{type}"),
    line("s", "r0/user/{userId}/rooms/{roomId}/account_data/{type}"),
    line("t", "r0/rooms/{roomId}/context/{eventId}"),
    line("u", "r0/rooms/{roomId}/report/{eventId}"),
];

/// The line that `segment` stands for: it must be its code and nothing else.
pub fn by_code(segment: &str) -> Option<&'static Template> {
    let &[code] = segment.as_bytes() else {
        return None;
    };
    let at = match code {
        b'0'..=b'9' => code - b'0',
        b'A'..=b'Z' => code - b'A' + 10,
        b'a'..=b'u' => code - b'a' + 36,
        _ => return None,
    };
    TABLE.get(usize::from(at))
}

impl Template {
    /// What follows the version of the API; all of it for `versions`, which has none before it.
    pub(super) fn below_version(&self) -> &'static str {
        self.path.strip_prefix("r0/").unwrap_or(self.path)
    }

    /// Whether the version of the API stands before it.
    pub(super) fn has_version(&self) -> bool {
        self.path.starts_with("r0/")
    }
}

/// Whether this segment of a template is a parameter.
pub(super) fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

const fn line(code: &'static str, path: &'static str) -> Template {
    Template { code, path }
}
