//! Proxies and toxics as somebody else wrote them, read as Go's decoder reads them: a field's name
//! counts in any case, the last of two is the one that counts, and `null` is as if it were not there.
//! What has no meaning here is passed over, and remembered.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::marker::PhantomData;

/// What a toxic's effect is told in: values by name, and the names in small letters.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Attributes(pub(crate) Map<String, Value>);

/// A toxic as somebody else wrote it: everything may be missing.
#[derive(Debug, Default)]
pub(crate) struct WrittenToxic {
    pub(crate) name: Option<String>,
    pub(crate) r#type: Option<String>,
    pub(crate) stream: Option<String>,
    pub(crate) toxicity: Option<f64>,
    pub(crate) attributes: Option<Attributes>,
    /// The first field that a toxic does not have.
    pub(crate) unknown: Option<String>,
}

/// A proxy as somebody else wrote it, with the same freedom.
#[derive(Debug, Default)]
pub(crate) struct WrittenProxy {
    pub(crate) name: Option<String>,
    pub(crate) listen: Option<String>,
    pub(crate) upstream: Option<String>,
    pub(crate) enabled: Option<bool>,
    pub(crate) toxics: Option<Vec<WrittenToxic>>,
    /// The first field that a proxy does not have.
    pub(crate) unknown: Option<String>,
}

/// Something that is read from an object, field by field.
trait Fields: Default {
    /// Reads the value of a field. `folded` is its name as it is compared.
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        name: String,
        folded: &str,
        values: &mut A,
    ) -> Result<(), A::Error>;
}

impl Fields for Attributes {
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        _name: String,
        folded: &str,
        values: &mut A,
    ) -> Result<(), A::Error> {
        let value: Value = values.next_value()?;
        if !value.is_null() {
            self.0.insert(folded.to_owned(), value);
        }
        Ok(())
    }
}

impl Fields for WrittenToxic {
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        name: String,
        folded: &str,
        values: &mut A,
    ) -> Result<(), A::Error> {
        match folded {
            "name" => set(&mut self.name, values),
            "type" => set(&mut self.r#type, values),
            "stream" => set(&mut self.stream, values),
            "toxicity" => set(&mut self.toxicity, values),
            "attributes" => set(&mut self.attributes, values),
            _ => pass_over(&mut self.unknown, name, values),
        }
    }
}

impl Fields for WrittenProxy {
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        name: String,
        folded: &str,
        values: &mut A,
    ) -> Result<(), A::Error> {
        match folded {
            "name" => set(&mut self.name, values),
            "listen" => set(&mut self.listen, values),
            "upstream" => set(&mut self.upstream, values),
            "enabled" => set(&mut self.enabled, values),
            "toxics" => set(&mut self.toxics, values),
            // Toxiproxy tells it of every proxy, and what it tells can be given back.
            "logger" => values.next_value::<IgnoredAny>().map(drop),
            _ => pass_over(&mut self.unknown, name, values),
        }
    }
}

fn set<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    field: &mut Option<T>,
    values: &mut A,
) -> Result<(), A::Error> {
    if let Some(value) = values.next_value()? {
        *field = Some(value);
    }
    Ok(())
}

fn pass_over<'de, A: MapAccess<'de>>(
    unknown: &mut Option<String>,
    name: String,
    values: &mut A,
) -> Result<(), A::Error> {
    values.next_value::<IgnoredAny>()?;
    unknown.get_or_insert(name);
    Ok(())
}

/// A name as names are compared. Go takes the long s for an s, which is a small letter already.
fn folded(name: &str) -> String {
    name.to_lowercase().replace('ſ', "s")
}

struct FieldsVisitor<T>(PhantomData<T>);

impl<'de, T: Fields> Visitor<'de> for FieldsVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<T, A::Error> {
        let mut read = T::default();
        while let Some(name) = fields.next_key::<String>()? {
            let folded = folded(&name);
            read.read(name, &folded, &mut fields)?;
        }
        Ok(read)
    }
}

fn object<'de, T: Fields, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(FieldsVisitor(PhantomData))
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer)
    }
}

impl<'de> Deserialize<'de> for WrittenToxic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer)
    }
}

impl<'de> Deserialize<'de> for WrittenProxy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer)
    }
}

/// Reads the document that a text begins with; what comes after it does not matter. Nothing at all
/// is `None`.
pub(crate) fn first_document<'de, T: Deserialize<'de>>(
    text: &'de [u8],
) -> Option<Result<T, serde_json::Error>> {
    serde_json::Deserializer::from_slice(text).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_case_of_letters_makes_no_difference(
            large in proptest::collection::vec(any::<bool>(), 80), value in 0..1000_u32
        ) {
            let text = format!(
                r#"{{"name":"n","type":"t","toxicity":0.5,"attributes":{{"size_variation":{value}}}}}"#
            );
            let letters = text.chars().zip(large.iter().cycle());
            // The values of name and type are in it too, so these are compared by what was written.
            let mixed: String = letters
                .map(|(letter, large)| if *large { letter.to_ascii_uppercase() } else { letter })
                .collect();
            let read: WrittenToxic = serde_json::from_str(&mixed).unwrap();
            prop_assert_eq!(read.name.unwrap().to_lowercase(), "n");
            prop_assert_eq!(read.r#type.unwrap().to_lowercase(), "t");
            prop_assert_eq!(read.toxicity, Some(0.5));
            prop_assert_eq!(&read.attributes.unwrap().0["size_variation"], &Value::from(value));
            prop_assert_eq!(read.unknown, None);
        }
    }

    #[test]
    fn what_a_proxy_does_not_have_is_remembered_as_it_was_written() {
        let text = r#"{"name":"a","Upstreem":"b:1","Logger":{},"enable":true}"#;
        let proxy: WrittenProxy = serde_json::from_str(text).unwrap();
        assert_eq!(proxy.unknown.as_deref(), Some("Upstreem"));
        let toxic: WrittenToxic = serde_json::from_str(r#"{"attribute":{"rate":[1]}}"#).unwrap();
        assert_eq!(toxic.unknown.as_deref(), Some("attribute"));
    }

    #[test]
    fn a_value_of_another_type_is_told_with_its_place() {
        let wrong =
            |text: &str| serde_json::from_str::<WrittenProxy>(text).unwrap_err().to_string();
        assert_eq!(
            wrong(r#"{"Enabled":"yes"}"#),
            "invalid type: string \"yes\", expected a boolean at line 1 column 16"
        );
        assert_eq!(
            wrong(r#"{"toxics":[{"attributes":[]}]}"#),
            "invalid type: sequence, expected an object at line 1 column 25"
        );
    }

    #[test]
    fn what_follows_a_document_is_not_looked_at() {
        let first = |text: &'static str| first_document::<Vec<u8>>(text.as_bytes());
        for text in ["[1]", " [1]\n// more", "[1]]", "[1][2", "[1]\u{feff}"] {
            assert_eq!(first(text).unwrap().unwrap(), [1], "{text}");
        }
        assert!(first("").is_none());
        assert!(first("// more\n[1]").unwrap().is_err());
    }
}
