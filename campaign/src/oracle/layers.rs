//! The layers by the names that people read: in reports, scenario files and units.

use hal::trace::Layer;

/// Every layer with its name.
const NAMES: &[(Layer, &str)] = &[
    (Layer::Program, "program"),
    (Layer::Workload, "workload"),
    (Layer::Swap, "swap path"),
    (Layer::Iomap, "iomap"),
    (Layer::Filesystem, "filesystem"),
    (Layer::Block, "block layer"),
    (Layer::Driver, "driver"),
    (Layer::Platform, "platform"),
    (Layer::Remote, "remote client"),
    (Layer::Task, "tasks"),
];

/// The layer's name.
#[must_use]
pub fn layer_name(layer: Layer) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == layer).map_or("", |(_, name)| name)
}

/// The layer with this name.
///
/// # Errors
/// What the known names are.
pub(crate) fn layer_called(name: &str) -> Result<Layer, String> {
    let found = NAMES.iter().find(|(_, known)| *known == name);
    found.map(|(layer, _)| *layer).ok_or_else(|| {
        let known: Vec<_> = NAMES.iter().map(|(_, name)| *name).collect();
        format!("unknown layer {name}: known are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_has_a_name_of_its_own_and_is_found_by_it() {
        for layer in (0..=u8::MAX).filter_map(Layer::from_u8) {
            assert_eq!(layer_called(layer_name(layer)), Ok(layer));
        }
        let error = layer_called("server").expect_err("no layer");
        assert!(error.contains("known are program") && error.contains("remote client"), "{error}");
    }
}
