namespace CsiLocal.State;

/// <summary>A call as the journal has it when it begins.</summary>
/// <param name="Rpc">What is asked for.</param>
/// <param name="Target">Id of the volume or snapshot that it is about; null where there is none.</param>
/// <param name="Peer">Who asks, as the transport knows it.</param>
internal sealed record CallEntry(string Rpc, string? Target, string? Peer)
{
    /// <summary>The target's name, where it is known.</summary>
    public string? Name { get; init; }

    /// <summary>Id of the volume or snapshot that a snapshot or clone is made of.</summary>
    public string? Source { get; init; }
}
