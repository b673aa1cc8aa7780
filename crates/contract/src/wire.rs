/// Declares wire types: plain data, serialised in snake case, exported to TypeScript.
macro_rules! wire {
    ($($(#[$meta:meta])* pub $what:ident $name:ident $body:tt)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, ts_rs::TS)]
        #[serde(rename_all = "snake_case")]
        pub $what $name $body
    )+};
}
