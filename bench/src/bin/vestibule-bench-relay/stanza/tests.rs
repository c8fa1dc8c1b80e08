use super::{len, pass_on};

const REQUEST: &str = "<iq id=\"1\" type=\"get\" from=\"u@d/r\" to='c.d'><ping xmlns='p'/></iq>";

fn passed_on(stanza: &str) -> String {
    let mut out = Vec::new();
    pass_on(stanza.as_bytes(), b"c.d", b"b@d/r", &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn stanzas_are_cut_where_they_end() {
    for stanza in [REQUEST, "<iq/>", " \n<iq><a><b/></a></iq>"] {
        assert_eq!(len(format!("{stanza}<iq>").as_bytes()), Some(stanza.len()));
        assert_eq!(len(&stanza.as_bytes()[..stanza.len() - 1]), None);
    }
    assert_eq!(len(b"</stream:stream>"), None);
}

#[test]
fn addresses_change_and_change_back() {
    let request = passed_on(REQUEST);
    assert_eq!(
        request,
        "<iq id=\"1\" type=\"get\" from=\"c.d/u@d/r\" to='b@d/r'><ping xmlns='p'/></iq>"
    );
    assert_eq!(
        passed_on("<iq to='c.d/u@d/r' id='1' from='b@d/r' type='result'/>"),
        "<iq to='u@d/r' id='1' from='c.d' type='result'/>"
    );
    assert_eq!(passed_on("<presence to='c.d' from='b@d/r'/>"), "");
    assert_eq!(passed_on("<iq to='c.d'/>"), "");
}
