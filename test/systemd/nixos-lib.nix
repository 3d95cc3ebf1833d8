# Of nixpkgs' lib, what the module uses: enough to see what it makes of its options.
rec {
  mkEnableOption = description: { default = false; };
  mkOption = option: option;
  mkIf = condition: content: if condition then content else { };
  types = { package = null; str = null; attrsOf = _: null; nullOr = _: null; };
  hasPrefix = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
  optionalAttrs = condition: set: if condition then set else { };
  mapAttrsToList = make: set: map (name: make name set.${name}) (builtins.attrNames set);
}
