/// What a path leads to. Identifiers stand as they are, unescaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint<'a> {
    AccountData {
        user: &'a str,
        /// Empty: of no room.
        room: &'a str,
        kind: &'a str,
    },
    Alias(&'a str),
    Available,
    Capabilities,
    CreateRoom,
    Device(&'a str),
    Devices,
    Download {
        server: &'a str,
        id: &'a str,
    },
    Event {
        room: &'a str,
        event: &'a str,
    },
    Filter {
        user: &'a str,
        id: &'a str,
    },
    Filters(&'a str),
    /// What no client may reach through a gateway. It answers 200, so that a leak is noticed.
    Foreign,
    Forget(&'a str),
    Invite(&'a str),
    Join(&'a str),
    JoinedMembers(&'a str),
    JoinedRooms,
    KeysChanges,
    KeysClaim,
    KeysQuery,
    KeysUpload,
    Leave(&'a str),
    Login,
    Logout,
    LogoutAll,
    MediaConfig,
    Members(&'a str),
    Messages(&'a str),
    Presence(&'a str),
    Profile {
        user: &'a str,
        key: Option<&'a str>,
    },
    PublicRooms,
    Pushers,
    PushRules,
    ReadMarkers(&'a str),
    Receipt {
        room: &'a str,
        kind: &'a str,
        event: &'a str,
    },
    Redact {
        room: &'a str,
        event: &'a str,
        txn: &'a str,
    },
    Register,
    Send {
        room: &'a str,
        kind: &'a str,
        txn: &'a str,
    },
    SendToDevice {
        kind: &'a str,
        txn: &'a str,
    },
    SlidingSync,
    State {
        room: &'a str,
    },
    StateOf {
        room: &'a str,
        kind: &'a str,
        key: &'a str,
    },
    Sync,
    TurnServer,
    Typing {
        room: &'a str,
        user: &'a str,
    },
    Upload,
    UserSearch,
    Versions,
    WellKnown,
    WhoAmI,
}

impl<'a> Endpoint<'a> {
    /// What these segments lead to; `None` when it is nothing that the homeserver has.
    pub(super) fn of(segments: &[&'a str]) -> Option<Self> {
        match segments {
            [".well-known", "matrix", "client"] => Some(Self::WellKnown),
            ["_synapse", "admin", "v1", ..]
            | ["_synapse", "client", ..]
            | ["_matrix", "federation", "v1", ..]
            | ["redirected"] => Some(Self::Foreign),
            ["_matrix", "media", "r0" | "v1" | "v3", rest @ ..] => Self::of_media(rest),
            ["_matrix", "client", "versions"] => Some(Self::Versions),
            ["_matrix", "client", "v1", "media", rest @ ..] => Self::of_media(rest),
            ["_matrix", "client", "v4", "sync"]
            | [
                "_matrix",
                "client",
                "unstable",
                "org.matrix.simplified_msc3575",
                "sync",
            ] => Some(Self::SlidingSync),
            ["_matrix", "client", "r0" | "v3", "rooms", room, rest @ ..] => {
                Self::of_room(room, rest)
            }
            ["_matrix", "client", "r0" | "v3", "user", user, rest @ ..] => {
                Self::of_user(user, rest)
            }
            ["_matrix", "client", "r0" | "v3", rest @ ..] => Self::of_client(rest),
            _ => None,
        }
    }

    fn of_media(rest: &[&'a str]) -> Option<Self> {
        Some(match *rest {
            ["upload"] => Self::Upload,
            ["config"] => Self::MediaConfig,
            ["download" | "thumbnail", server, id] | ["download", server, id, _] => {
                Self::Download { server, id }
            }
            _ => return None,
        })
    }

    fn of_client(rest: &[&'a str]) -> Option<Self> {
        Some(match *rest {
            ["sync"] => Self::Sync,
            ["login"] => Self::Login,
            ["register"] => Self::Register,
            ["register", "available"] => Self::Available,
            ["logout"] => Self::Logout,
            ["logout", "all"] => Self::LogoutAll,
            ["account", "whoami"] => Self::WhoAmI,
            ["capabilities"] => Self::Capabilities,
            ["createRoom"] => Self::CreateRoom,
            ["join", room] => Self::Join(room),
            ["joined_rooms"] => Self::JoinedRooms,
            ["keys", "changes"] => Self::KeysChanges,
            ["keys", "claim"] => Self::KeysClaim,
            ["keys", "query"] => Self::KeysQuery,
            ["keys", "upload"] | ["keys", "upload", _] => Self::KeysUpload,
            ["sendToDevice", kind, txn] => Self::SendToDevice { kind, txn },
            ["devices"] => Self::Devices,
            ["devices", id] => Self::Device(id),
            ["directory", "room", alias] => Self::Alias(alias),
            ["publicRooms"] => Self::PublicRooms,
            ["presence", user, "status"] => Self::Presence(user),
            ["profile", user] => Self::Profile { user, key: None },
            ["profile", user, key] => Self::Profile {
                user,
                key: Some(key),
            },
            ["pushers"] => Self::Pushers,
            ["pushrules"] | ["pushrules", ""] | ["pushrules", "global", ..] => Self::PushRules,
            ["user_directory", "search"] => Self::UserSearch,
            ["voip", "turnServer"] => Self::TurnServer,
            _ => return None,
        })
    }

    fn of_room(room: &'a str, rest: &[&'a str]) -> Option<Self> {
        Some(match *rest {
            ["event", event] => Self::Event { room, event },
            ["forget"] => Self::Forget(room),
            ["invite"] => Self::Invite(room),
            ["join"] => Self::Join(room),
            ["joined_members"] => Self::JoinedMembers(room),
            ["leave"] => Self::Leave(room),
            ["members"] => Self::Members(room),
            ["messages"] => Self::Messages(room),
            ["read_markers"] => Self::ReadMarkers(room),
            ["receipt", kind, event] => Self::Receipt { room, kind, event },
            ["redact", event, txn] => Self::Redact { room, event, txn },
            ["send", kind, txn] => Self::Send { room, kind, txn },
            ["state"] => Self::State { room },
            ["state", kind] => Self::StateOf {
                room,
                kind,
                key: "",
            },
            ["state", kind, key] => Self::StateOf { room, kind, key },
            ["typing", user] => Self::Typing { room, user },
            _ => return None,
        })
    }

    fn of_user(user: &'a str, rest: &[&'a str]) -> Option<Self> {
        Some(match *rest {
            ["account_data", kind] => Self::AccountData {
                user,
                room: "",
                kind,
            },
            ["rooms", room, "account_data", kind] => Self::AccountData { user, room, kind },
            ["filter"] => Self::Filters(user),
            ["filter", id] => Self::Filter { user, id },
            _ => return None,
        })
    }
}
