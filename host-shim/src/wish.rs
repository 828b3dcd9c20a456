//! A setting of the plugin that somebody wants to try: `card.three_ds.frame=true`.

use std::str::FromStr;

use serde_json::{Map, Value};

/// A member of the plugin's configuration by its dotted name, and what it is to be.
#[derive(Debug, Clone)]
pub struct Wish {
    name: String,
    value: Value,
}

impl FromStr for Wish {
    type Err = String;

    /// The value is JSON, or a text where it is none: `card.brands=["jcb"]`, `shop.name=店`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` is no setting, as `card.three_ds.frame=true` is"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }
}

impl Wish {
    /// Puts it among the members, in the objects that its name goes through.
    pub fn put(&self, members: &mut Value) {
        let mut place = members;
        for part in self.name.split('.') {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            place = match place {
                Value::Object(all) => all.entry(part).or_insert(Value::Null),
                _ => return,
            };
        }
        *place = self.value.clone();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wish_changes_one_member_and_leaves_the_others() {
        let mut members = json!({"card": {"three_ds": {"enabled": true}}});
        for wish in ["card.three_ds.frame=true", "shop.name=店", "card.brands=[\"jcb\"]"] {
            wish.parse::<Wish>().unwrap().put(&mut members);
        }
        assert_eq!(
            members,
            json!({"card": {"three_ds": {"enabled": true, "frame": true}, "brands": ["jcb"]}, "shop": {"name": "店"}})
        );
        assert!("card.brands".parse::<Wish>().is_err());
    }
}
