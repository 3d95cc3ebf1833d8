# imports = [ /path/of/narkit/systemd/nixos-module.nix ];
#
# services.narkit = {
#   enable = true;
#   package = pkgs.narkit;
#   settings = {
#     to = [ "s3://my-cache?region=eu-west-1" ];
#     secret-key-files = [ "/etc/narkit/key.private" ];
#   };
#   credentials."key.private" = "/etc/narkit/key.private";
# };
{ config, lib, pkgs, ... }:

let
  inherit (lib) mkEnableOption mkIf mkOption types;
  cfg = config.services.narkit;
  format = pkgs.formats.toml { };
  directory = cfg.settings.queue.directory or "/var/lib/narkit/queue";

  # As in narkit-worker.service.
  hardening = {
    User = "narkit";
    Group = "narkit";
    LoadCredential = lib.mapAttrsToList (name: file: "${name}:${file}") cfg.credentials;
    Nice = 10;
    IOSchedulingClass = "idle";
    ProtectSystem = "strict";
    ReadWritePaths = [ (if lib.hasPrefix "/var/lib/narkit/" directory then "/var/lib/narkit" else directory) "-/nix/var/nix/gcroots/narkit" ];
    ProtectHome = true;
    PrivateTmp = true;
    PrivateDevices = true;
    PrivateUsers = true;
    ProtectProc = "invisible";
    ProcSubset = "pid";
    ProtectClock = true;
    ProtectControlGroups = true;
    ProtectHostname = true;
    ProtectKernelLogs = true;
    ProtectKernelModules = true;
    ProtectKernelTunables = true;
    CapabilityBoundingSet = "";
    NoNewPrivileges = true;
    RestrictAddressFamilies = [ "AF_UNIX" "AF_INET" "AF_INET6" ];
    RestrictNamespaces = true;
    RestrictRealtime = true;
    RestrictSUIDSGID = true;
    LockPersonality = true;
    RemoveIPC = true;
    KeyringMode = "private";
    SystemCallArchitectures = "native";
    SystemCallFilter = [ "@system-service" "~@privileged" ];
    UMask = "0027";
  };
in
{
  options.services.narkit = {
    enable = mkEnableOption "uploads of what Nix builds to binary caches";
    package = mkOption {
      type = types.package;
      description = "The package that has narkit and narkit-hook.";
    };
    settings = mkOption {
      type = format.type;
      default = { };
      description = "What stands in /etc/narkit/config.toml.";
    };
    credentials = mkOption {
      type = types.attrsOf types.str;
      default = { };
      description = ''
        Files that only root can read and the worker gets copies of, by name. A file of secret-key-files is looked for here by its
        name first; "aws-credentials" is where the worker looks for credentials of S3.
      '';
    };
    environment = mkOption {
      type = types.attrsOf types.str;
      default = { };
      description = "Variables of the worker.";
    };
    reconcile = mkOption {
      type = types.nullOr types.str;
      default = "daily";
      description = "When paths that the hook never saw are queued (a calendar event of systemd), or null for never.";
    };
  };

  config = mkIf cfg.enable {
    nix.settings.post-build-hook = "${cfg.package}/bin/narkit-hook";
    environment.etc."narkit/config.toml".source = format.generate "narkit-config.toml" cfg.settings;
    environment.systemPackages = [ cfg.package ];

    users.users.narkit = {
      isSystemUser = true;
      group = "narkit";
      description = "Uploads of what Nix built";
      home = "/var/lib/narkit";
    };
    users.groups.narkit = { };

    # As in narkit.tmpfiles.
    systemd.tmpfiles.rules = [
      "d /var/lib/narkit 0750 narkit narkit"
    ] ++ map (name: "d ${directory}${name} 2770 narkit narkit") [ "" "/incoming" "/tmp" "/damaged" "/commands" "/lock" ] ++ [
      "d /nix/var/nix/gcroots/narkit 0755 narkit narkit"
    ];

    systemd.services.narkit-worker = {
      description = "Upload what Nix built to binary caches";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" "nix-daemon.socket" ];
      startLimitIntervalSec = 0;
      environment = lib.optionalAttrs (cfg.credentials ? "aws-credentials") {
        AWS_SHARED_CREDENTIALS_FILE = "%d/aws-credentials";
      } // cfg.environment;
      serviceConfig = hardening // {
        Type = "exec";
        ExecStart = "${cfg.package}/bin/narkit worker";
        Restart = "always";
        RestartSec = 10;
        TimeoutStopSec = 45;
        NotifyAccess = "main";
        OpenFile = "/run/systemd/notify:notify:graceful";
        OOMScoreAdjust = 500;
      };
    };

    systemd.services.narkit-reconcile = mkIf (cfg.reconcile != null) {
      description = "Queue store paths that binary caches lack";
      startAt = cfg.reconcile;
      wants = [ "network-online.target" ];
      after = [ "network-online.target" "nix-daemon.socket" ];
      environment = config.systemd.services.narkit-worker.environment;
      serviceConfig = hardening // {
        Type = "oneshot";
        ExecStart = "${cfg.package}/bin/narkit queue reconcile";
      };
    };
  };
}
