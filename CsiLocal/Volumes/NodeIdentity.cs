namespace CsiLocal.Volumes;

/// <summary>Who this node is to the CO.</summary>
/// <param name="DriverName">CSI plugin name.</param>
/// <param name="NodeId">CSI node id; also the value of the topology segment.</param>
internal sealed record NodeIdentity(string DriverName, string NodeId)
{
    /// <summary>The one topology key: a volume is reachable from the node that holds it, and from no other.</summary>
    public string TopologyKey => $"topology.{DriverName}/node";

    public bool Matches(IReadOnlyDictionary<string, string> segments) =>
        segments.Count == 0 || (segments.Count == 1 && segments.TryGetValue(TopologyKey, out var value) && value == NodeId);

    /// <exception cref="StorageException">ResourceExhausted: none of the requisite topologies is this node.</exception>
    public void RequireReachable(IReadOnlyList<IReadOnlyDictionary<string, string>>? requisite)
    {
        if (requisite is null || requisite.Any(Matches))
            return;

        throw new StorageException(
            StorageError.ResourceExhausted,
            $"accessibility_requirements: none of the requisite topologies is this node ({TopologyKey}={NodeId})",
            "send the request to the node that is meant");
    }
}
