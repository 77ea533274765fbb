//! Every field that a client of OCI and Docker documents knows, and its type: image-spec 1.0 and 1.1, docker's manifest
//! schema 2 and manifest list, and the Go types of docker, containerd and containers/image for the image config.
//!
//! Not only those that Lockgate reads: a key that Go takes for one of these must be that one.

/// The type that clients give a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// An integer of 64 bits.
    Integer,
    /// An integer of 64 bits that counts bytes.
    Bytes,
    /// `true` or `false`.
    Flag,
    /// A text that is base64 of what the descriptor around it names.
    Data,
    /// Names to texts. Names are compared exactly.
    TextMap,
    /// A set of names, as the keys of an object.
    Names,
    /// Whatever it is, nobody runs it.
    Any,
    /// An object with fields.
    Object(&'static Object),
    /// A list of objects with fields.
    List(&'static Object),
}

/// A field.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name.
    pub(super) name: &'static str,
    /// Its type.
    pub(super) shape: Shape,
    /// Whether it must be there.
    pub(super) needed: bool,
}

/// An object with fields.
#[derive(Debug)]
pub(super) struct Object {
    /// What it is called in messages.
    pub(super) what: &'static str,
    /// Its fields.
    pub(super) fields: &'static [Field],
    /// Fields of other kinds of documents: with one of them it could be taken for another kind.
    pub(super) foreign: &'static [&'static str],
}

const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, needed: false }
}

const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, needed: true }
}

use Shape::{Any, Bytes, Data, Flag, Integer, List, Names, Text, TextMap, Texts};

/// image-index.md, "platform"; `features` is docker's.
static PLATFORM: Object = Object {
    what: "platform",
    fields: &[
        must("architecture", Text),
        must("os", Text),
        may("os.version", Text),
        may("os.features", Texts),
        may("variant", Text),
        may("features", Texts),
    ],
    foreign: &[],
};

/// descriptor.md.
static DESCRIPTOR: Object = Object {
    what: "descriptor",
    fields: &[
        must("mediaType", Text),
        must("digest", Text),
        must("size", Bytes),
        may("urls", Texts),
        may("annotations", TextMap),
        may("data", Data),
        may("artifactType", Text),
        may("platform", Shape::Object(&PLATFORM)),
    ],
    foreign: &[],
};

/// manifest.md; docker, manifest schema 2.
pub(super) static MANIFEST: Object = Object {
    what: "manifest",
    fields: &[
        must("schemaVersion", Integer),
        may("mediaType", Text),
        may("artifactType", Text),
        must("config", Shape::Object(&DESCRIPTOR)),
        must("layers", List(&DESCRIPTOR)),
        may("subject", Shape::Object(&DESCRIPTOR)),
        may("annotations", TextMap),
    ],
    foreign: &["manifests", "fsLayers", "signatures", "history", "blobs"],
};

/// image-index.md; docker, manifest list.
pub(super) static INDEX: Object = Object {
    what: "index",
    fields: &[
        must("schemaVersion", Integer),
        may("mediaType", Text),
        may("artifactType", Text),
        must("manifests", List(&DESCRIPTOR)),
        may("subject", Shape::Object(&DESCRIPTOR)),
        may("annotations", TextMap),
    ],
    foreign: &["config", "layers", "fsLayers", "signatures", "history", "blobs"],
};

/// `HealthcheckConfig` of docker.
static HEALTHCHECK: Object = Object {
    what: "Healthcheck",
    fields: &[
        may("Test", Texts),
        may("Interval", Integer),
        may("Timeout", Integer),
        may("StartPeriod", Integer),
        may("StartInterval", Integer),
        may("Retries", Integer),
    ],
    foreign: &[],
};

/// config.md, "config"; `container.Config` of docker, in all its versions.
static RUN: Object = Object {
    what: "config",
    fields: &[
        may("Hostname", Text),
        may("Domainname", Text),
        may("User", Text),
        may("AttachStdin", Flag),
        may("AttachStdout", Flag),
        may("AttachStderr", Flag),
        may("ExposedPorts", Names),
        may("PublishService", Text),
        may("PortSpecs", Texts),
        may("Tty", Flag),
        may("OpenStdin", Flag),
        may("StdinOnce", Flag),
        may("Env", Texts),
        may("Cmd", Texts),
        may("Healthcheck", Shape::Object(&HEALTHCHECK)),
        may("ArgsEscaped", Flag),
        may("Image", Text),
        may("Volumes", Names),
        may("VolumeDriver", Text),
        may("VolumesFrom", Text),
        may("WorkingDir", Text),
        may("Entrypoint", Texts),
        may("NetworkDisabled", Flag),
        may("MacAddress", Text),
        may("OnBuild", Texts),
        may("Labels", TextMap),
        may("StopSignal", Text),
        may("StopTimeout", Integer),
        may("Shell", Texts),
        may("Memory", Integer),
        may("MemorySwap", Integer),
        may("CpuShares", Integer),
        may("Cpuset", Text),
        may("Dns", Texts),
    ],
    foreign: &[],
};

/// config.md, "rootfs"; docker's for Windows.
static ROOTFS: Object = Object {
    what: "rootfs",
    fields: &[may("type", Text), may("diff_ids", Texts), may("base_layer", Text)],
    foreign: &[],
};

/// config.md, "history".
static HISTORY: Object = Object {
    what: "history",
    fields: &[
        may("created", Text),
        may("created_by", Text),
        may("author", Text),
        may("comment", Text),
        may("empty_layer", Flag),
    ],
    foreign: &[],
};

/// config.md; `image.Image` and `image.V1Image` of docker.
pub(super) static CONFIG: Object = Object {
    what: "image config",
    fields: &[
        may("created", Text),
        may("author", Text),
        may("architecture", Text),
        may("variant", Text),
        may("os", Text),
        may("os.version", Text),
        may("os.features", Texts),
        may("config", Shape::Object(&RUN)),
        may("rootfs", Shape::Object(&ROOTFS)),
        may("history", List(&HISTORY)),
        may("container_config", Shape::Object(&RUN)),
        may("id", Text),
        may("parent", Text),
        may("parent_id", Text),
        may("layer_id", Text),
        may("comment", Text),
        may("container", Text),
        may("docker_version", Text),
        may("throwaway", Flag),
        may("Size", Integer),
        may("moby.buildkit.buildinfo.v1", Any),
        may("moby.buildkit.cache.v0", Any),
    ],
    foreign: &["schemaVersion", "layers", "manifests", "fsLayers"],
};
