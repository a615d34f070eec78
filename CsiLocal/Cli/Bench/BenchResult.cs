namespace CsiLocal.Cli.Bench;

/// <summary>What a run found.</summary>
internal sealed record BenchResult
{
    public required BenchTarget Target { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>True where a person stopped it: the figures are of what was done until then.</summary>
    public required bool Interrupted { get; init; }

    /// <summary>Wall time from the first CreateVolume to the last NodePublishVolume (or the step that measuring ends with).</summary>
    public required TimeSpan Up { get; init; }

    /// <summary>Wall time from the first NodeUnpublishVolume to the last DeleteVolume; null where that was not measured.</summary>
    public required TimeSpan? Down { get; init; }

    public required IReadOnlyList<RpcFigures> Figures { get; init; }

    public required IReadOnlyList<RpcError> Errors { get; init; }

    /// <summary>What could not be cleaned up: volume ids and why.</summary>
    public required IReadOnlyList<string> Leftovers { get; init; }
}
