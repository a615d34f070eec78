namespace CsiLocal.Configuration;

/// <summary>Which parts of the driver this process is (design §4).</summary>
internal enum ServeMode
{
    All,
    Node,
    Controller,
}

/// <summary>Whose lvm is run.</summary>
internal enum HostToolsSource
{
    /// <summary>The one in the daemon's own file system: the host's where it runs on the host, the image's in a container.</summary>
    Own,

    /// <summary>The host's, from a container, by nsenter into the namespaces of process 1.</summary>
    Nsenter,
}

/// <summary>What one <c>csilocal serve</c> runs with: the command line first, then the environment, then the file.</summary>
internal sealed record DriverOptions
{
    public const string DefaultDriverName = "local.csilocal.dev";
    public const string EndpointScheme = "unix://";

    public ServeMode Mode { get; init; } = ServeMode.All;

    /// <summary><c>unix:///absolute/path</c>.</summary>
    public required string Endpoint { get; init; }

    /// <summary>The path within <see cref="Endpoint"/>.</summary>
    public string SocketPath => Endpoint[EndpointScheme.Length..];

    /// <summary>The configuration file; null where none was given.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>Folder of <c>state.db</c> and the lock file.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>At most 256 bytes (CSI NodeGetInfo).</summary>
    public required string NodeId { get; init; }

    public HostToolsSource HostTools { get; init; }

    public required FileConfiguration File { get; init; }
}

/// <summary>What the configuration file says; read again on SIGHUP.</summary>
internal sealed record FileConfiguration
{
    public static readonly TimeSpan DefaultJournalRetention = TimeSpan.FromDays(30);

    /// <summary>Null where the file does not say; the flag and the environment come first.</summary>
    public ServeMode? Mode { get; init; }

    /// <inheritdoc cref="Mode"/>
    public string? Endpoint { get; init; }

    /// <inheritdoc cref="Mode"/>
    public string? StateDirectory { get; init; }

    /// <inheritdoc cref="Mode"/>
    public string? NodeId { get; init; }

    /// <inheritdoc cref="Mode"/>
    public string? HostTools { get; init; }

    public string DriverName { get; init; } = DriverOptions.DefaultDriverName;

    public IReadOnlyList<PoolOptions> Pools { get; init; } = [];

    /// <summary>The pool of a volume whose parameters name none; null: the only pool, or the parameter is required.</summary>
    public string? DefaultPool { get; init; }

    /// <summary>Folders under which every staging and target path must lie; empty: anywhere outside system folders.</summary>
    public IReadOnlyList<string> PublishRoots { get; init; } = [];

    /// <summary>Limit reported by NodeGetInfo; 0: none.</summary>
    public long MaxVolumesPerNode { get; init; }

    /// <summary>How long operations and commands are kept in the journal.</summary>
    public TimeSpan JournalRetention { get; init; } = DefaultJournalRetention;
}
