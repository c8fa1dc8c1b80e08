use super::*;

fn received(items: &[&str]) -> Result<(Query, Option<Token>), QueryError> {
    let (query, token) = Query::from_options(items.iter().map(|item| item.as_bytes()));
    Ok((query?, token))
}

fn to_http(items: &[&str]) -> String {
    received(items).unwrap().0.to_http()
}

fn to_options(query: &str) -> Vec<String> {
    let (query, _) = Query::from_http(query).unwrap();
    let options = query.to_options().unwrap();
    options
        .map(|item| str::from_utf8(item).unwrap().to_owned())
        .collect()
}

#[test]
fn items_keep_their_order_and_repeat() {
    let items = ["via=b", "since=s1", "via=a", "timeout=30000"];
    assert_eq!(to_http(&items), "via=b&since=s1&via=a&timeout=30000");
    assert_eq!(to_options("via=b&since=s1&via=a&timeout=30000"), items);
}

#[test]
fn items_without_a_value_go_on() {
    assert_eq!(to_http(&["a", "b=", "c"]), "a&b=&c");
    assert_eq!(to_options("a&b=&c"), ["a", "b=", "c"]);
}

#[test]
fn empty_items_say_nothing() {
    assert_eq!(to_http(&["", "a=1", ""]), "a=1");
    assert_eq!(to_options("&&a=1&"), ["a=1"]);
    assert!(to_options("").is_empty());
}

#[test]
fn values_are_escaped_for_http_and_not_for_coap() {
    for (item, escaped) in [
        ("filter={\"a\":[1]}", "filter=%7B%22a%22:%5B1%5D%7D"),
        ("a=b&c=d", "a=b%26c%3Dd"),
        ("a=1+1 2", "a=1%2B1%202"),
        ("a=50%#;", "a=50%25%23%3B"),
        ("a=é\n", "a=%C3%A9%0A"),
        ("k&y=v", "k%26y=v"),
        ("user_id=@a:b", "user_id=@a:b"),
    ] {
        assert_eq!(to_http(&[item]), escaped);
        assert_eq!(to_options(escaped), [item]);
    }
    assert_eq!(to_options("a=b+c%20d"), ["a=b c d"]);
}

#[test]
fn tokens_are_lifted_out() {
    for name in ["access_token", "access%5Ftoken"] {
        let (query, token) = Query::from_http(&format!("a=1&{name}=s%65cret&b=2")).unwrap();
        assert_eq!(token.unwrap().as_str(), "secret");
        assert_eq!(query.to_http(), "a=1&b=2");
    }
    let (query, token) = received(&["access_token=secret", "since=s1"]).unwrap();
    assert_eq!(token.unwrap().as_str(), "secret");
    assert_eq!(query.to_http(), "since=s1");
    assert_eq!(received(&["access_token="]).unwrap().1, None);
    let error = QueryError::Token(TokenError::Character);
    assert_eq!(received(&["access_token=a\nb"]), Err(error));
}

#[test]
fn the_first_token_counts() {
    let items = ["access_token=", "access_token=a", "access_token=b", "x"];
    let (query, token) = received(&items).unwrap();
    assert_eq!(token.unwrap().as_str(), "a");
    assert_eq!(query.to_http(), "x");
}

#[test]
fn a_token_beside_what_is_refused() {
    let long = "a".repeat(4_097);
    for (other, error) in [
        (&b"\xff"[..], QueryError::Utf8),
        (long.as_bytes(), QueryError::ItemTooLong),
    ] {
        for items in [[other, b"access_token=a"], [b"access_token=a", other]] {
            let (query, token) = Query::from_options(items);
            assert_eq!(query, Err(error));
            assert_eq!(token.unwrap().as_str(), "a");
        }
    }
}

#[test]
fn one_item_is_revised_and_the_rest_stays() {
    let (mut query, _) = received(&["t=1", "tt=1", "t", "a=1", "t=2"]).unwrap();
    query.revise("t", |value| (value == "1").then(|| "3".to_owned()));
    assert_eq!(query.to_http(), "t=3&tt=1&t&a=1&t=2");
}

#[test]
fn keys_that_would_end_elsewhere_are_not_sent() {
    for query in ["a%3Db=c", "a%3Db"] {
        assert_eq!(Query::from_http(query), Err(QueryError::Key), "{query}");
    }
}

#[test]
fn broken_items_are_refused() {
    for query in ["a=%", "%zz=1", "a=%f"] {
        assert_eq!(Query::from_http(query), Err(QueryError::Escape), "{query}");
    }
    assert_eq!(Query::from_http("a=%ff"), Err(QueryError::Escape));
    let (query, _) = Query::from_options([&b"a=\xff"[..]]);
    assert_eq!(query, Err(QueryError::Utf8));
}

#[test]
fn values_are_found_by_their_keys() {
    let (query, _) = received(&["a", "ab=1", "timeout=5", "timeout=7", "b=x=y"]).unwrap();
    assert_eq!(query.value("timeout"), Some("5"));
    assert_eq!(query.value("b"), Some("x=y"));
    assert_eq!(query.value("a"), None);
    assert_eq!(query.items().count(), 5);
    let items = query.items().map(str::to_owned).collect();
    assert_eq!(Query::from_items(items), query);
}

/// Clients written in Go send more than an option may have, and their proxy drops it silently.
#[test]
fn limits_of_what_is_received() {
    let item = |len| "a".repeat(len);
    assert!(received(&[&item(4_096), &item(4_096)]).is_ok());
    let error = received(&[&item(4_096), &item(4_096), "a"]);
    assert_eq!(error, Err(QueryError::TooLong));
    assert_eq!(received(&[&item(4_097)]), Err(QueryError::ItemTooLong));
    assert!(received(&["a"; 32]).is_ok());
    assert_eq!(received(&["a"; 33]), Err(QueryError::TooManyItems));
}

#[test]
fn limits_of_what_is_sent() {
    let options = |len: usize| {
        let query = Query::from_http(&"a".repeat(len)).unwrap().0;
        query.to_options().map(Iterator::count)
    };
    assert_eq!(options(255), Ok(1));
    assert_eq!(options(256), Err(QueryError::ItemTooLong));
}
