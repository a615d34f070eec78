namespace CsiLocal.Configuration;

/// <summary>What <c>csilocal serve</c> was given on its command line; null where a flag was not given.</summary>
internal sealed record DriverFlags
{
    public string? Mode { get; init; }

    public string? Endpoint { get; init; }

    /// <summary>May be relative to the current folder.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>May be relative to the current folder.</summary>
    public string? StateDirectory { get; init; }

    public string? NodeId { get; init; }

    public string? HostTools { get; init; }
}
