//! Rooms and who is in them.

use serde_json::{Map, Value, json};

use super::{Draft, Membership, Room, State, random, user::Standing};

impl State {
    /// Makes a room, as the body of `createRoom` asks, and says its identifier. An alias must have
    /// been looked at before.
    pub(crate) fn create_room(&mut self, creator: &str, asked: &Value) -> String {
        let id = format!("!{}:{}", random::room(), self.server_name);
        let text = |name: &str| asked.get(name).and_then(Value::as_str);
        let listed = text("visibility") == Some("public");
        let open = match text("preset") {
            Some(preset) => preset == "public_chat",
            None => listed,
        };
        let room = Room::new(open, listed);
        self.rooms.insert(id.clone(), room);

        let created = json!({ "creator": creator, "room_version": "10" });
        self.set_plain_state(&id, creator, "m.room.create", created);
        self.set_membership(&id, creator, creator, Membership::Joined);
        let rule = if open { "public" } else { "invite" };
        for (kind, content) in [
            ("m.room.power_levels", power_levels(creator)),
            ("m.room.join_rules", json!({ "join_rule": rule })),
            (
                "m.room.history_visibility",
                json!({ "history_visibility": "shared" }),
            ),
        ] {
            self.set_plain_state(&id, creator, kind, content);
        }
        for (field, kind) in [("name", "m.room.name"), ("topic", "m.room.topic")] {
            if let Some(text) = text(field) {
                self.set_plain_state(&id, creator, kind, json!({ (field): text }));
            }
        }
        if let Some(name) = text("room_alias_name") {
            let alias = format!("#{name}:{}", self.server_name);
            self.aliases.insert(alias.clone(), id.clone());
            let content = json!({ "alias": alias });
            self.set_plain_state(&id, creator, "m.room.canonical_alias", content);
        }
        self.set_initial_state(&id, creator, asked);
        id
    }

    fn set_initial_state(&mut self, id: &str, creator: &str, asked: &Value) {
        let list = |name: &str| asked.get(name).and_then(Value::as_array);
        for event in list("initial_state").into_iter().flatten() {
            let Some(kind) = event["type"].as_str() else {
                continue;
            };
            let draft = Draft {
                kind,
                state_key: Some(event["state_key"].as_str().unwrap_or("")),
                content: event["content"].clone(),
            };
            self.append(id, creator, draft);
        }
        for user in list("invite")
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if self.user(user).is_some() {
                self.set_membership(id, creator, user, Membership::Invited);
            }
        }
    }

    /// The identifier of a room by itself or by an alias.
    pub(crate) fn resolve(&self, name: &str) -> Option<String> {
        match name.starts_with('#') {
            true => self.aliases.get(name).cloned(),
            false => self.rooms.contains_key(name).then(|| name.to_owned()),
        }
    }

    /// What a user is to a room.
    pub(crate) fn membership(&self, room: &str, user: &str) -> Option<Membership> {
        self.rooms.get(room)?.members.get(user).copied()
    }

    /// Whether a user is joined to a room.
    pub(crate) fn is_joined(&self, room: &str, user: &str) -> bool {
        self.membership(room, user) == Some(Membership::Joined)
    }

    /// Lets a user join, who must have an account.
    pub(crate) fn join(&mut self, room: &str, user: &str) {
        if !self.is_joined(room, user) {
            self.set_membership(room, user, user, Membership::Joined);
        }
    }

    /// Notes what a user is to a room from now on, and tells all.
    pub(crate) fn set_membership(
        &mut self,
        room: &str,
        sender: &str,
        user: &str,
        membership: Membership,
    ) {
        let since = self.position + 1;
        let Some(known) = self.rooms.get_mut(room) else {
            return;
        };
        known.members.insert(user.to_owned(), membership);
        if let Some(user) = self.users.get_mut(user) {
            let standing = Standing { membership, since };
            user.rooms.insert(room.to_owned(), standing);
        }
        self.append_membership(room, sender, user, membership);
    }

    /// Tells a room what a member says of itself now.
    pub(crate) fn tell_profile(&mut self, room: &str, user: &str) {
        self.append_membership(room, user, user, Membership::Joined);
    }

    fn append_membership(&mut self, room: &str, sender: &str, user: &str, membership: Membership) {
        let mut content = Map::new();
        content.insert("membership".into(), membership.as_str().into());
        if let Some(user) = self.users.get(user).filter(|_| membership.is_present()) {
            content.extend(user.profile.clone());
        }
        let draft = Draft {
            kind: "m.room.member",
            state_key: Some(user),
            content: content.into(),
        };
        self.append(room, sender, draft);
    }

    fn set_plain_state(&mut self, room: &str, sender: &str, kind: &str, content: Value) {
        let draft = Draft {
            kind,
            state_key: Some(""),
            content,
        };
        self.append(room, sender, draft);
    }
}

fn power_levels(creator: &str) -> Value {
    json!({
        "ban": 50,
        "events": { "m.room.name": 50, "m.room.power_levels": 100 },
        "events_default": 0,
        "invite": 0,
        "kick": 50,
        "redact": 50,
        "state_default": 0,
        "users": { (creator): 100 },
        "users_default": 0,
    })
}
