using System.Text.Json;
using CsiLocal.Hosting;
using CsiLocal.State;

namespace CsiLocal.Cli.Output;

/// <summary>Where a row and the object in a pool do not agree.</summary>
internal sealed record StateFindingJson(PoolFinding Finding) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("pool", Finding.Pool);
        json.WriteString("target", Finding.Decision.Target);
        json.WriteString("what", Finding.Decision.What);
        json.WriteString("why", Finding.Decision.Why);
        json.WriteBoolean("mendsItself", Finding.Decision.IsMendable);
    }
}

internal sealed record StateCheckJson(StateExamination File, string? ComparedBy, StateComparison Compared) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("file", File.File);
        json.WriteBoolean("sound", File.Problems.Count == 0);
        json.WriteTexts("problems", File.Problems);
        json.WriteNumber("schema", File.Version);
        json.WriteNumber("newestSchema", File.NewestVersion);
        json.WriteString("comparedBy", ComparedBy);
        json.WriteShapes("findings", [.. Compared.Findings.Select(static finding => new StateFindingJson(finding))]);
        json.WriteTexts("notCompared", Compared.NotCompared);
    }
}

internal sealed record StateBackupJson(string File, long SizeBytes) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("file", File);
        json.WriteNumber("sizeBytes", SizeBytes);
    }
}

internal sealed record RebuiltPoolJson(RebuiltPool Pool) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("name", Pool.Name);
        json.WriteString("state", Pool.State);
        json.WriteNumber("volumes", Pool.Volumes);
        json.WriteNumber("snapshots", Pool.Snapshots);
        json.WriteString("problem", Pool.Problem);
    }
}

internal sealed record StateRebuildJson(RebuiltState State) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("setAside", State.SetAside);
        json.WriteShapes("pools", [.. State.Pools.Select(static pool => new RebuiltPoolJson(pool))]);
        json.WriteShapes("leftAlone", [.. State.LeftAlone.Select(static finding => new StateFindingJson(finding))]);
    }
}

internal sealed record ForeignVolumeJson(string Id, string Name, string Pool, string Node, long SizeBytes, DateTime? CreatedAt) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("id", Id);
        json.WriteString("name", Name);
        json.WriteString("pool", Pool);
        json.WriteString("node", Node);
        json.WriteNumber("sizeBytes", SizeBytes);
        json.WriteTime("createdAt", CreatedAt);
    }
}
