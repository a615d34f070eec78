using System.Text.Json;

namespace CsiLocal.Cli.Output;

internal sealed record BenchJson(
    string Endpoint, string Driver, string DriverVersion, string NodeId, int Volumes, int Parallel, long SizeBytes, string AccessType,
    string Until, DateTime StartedAt, bool Interrupted, double? CreateToPublishSeconds, double? TeardownSeconds,
    IReadOnlyList<BenchRpcJson> Rpcs, IReadOnlyList<BenchErrorJson> Errors, IReadOnlyList<string> Leftovers) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("endpoint", Endpoint);
        json.WriteString("driver", Driver);
        json.WriteString("driverVersion", DriverVersion);
        json.WriteString("nodeId", NodeId);
        json.WriteNumber("volumes", Volumes);
        json.WriteNumber("parallel", Parallel);
        json.WriteNumber("sizeBytes", SizeBytes);
        json.WriteString("accessType", AccessType);
        json.WriteString("until", Until);
        json.WriteTime("startedAt", StartedAt);
        json.WriteBoolean("interrupted", Interrupted);
        json.WriteNumberOrNull("createToPublishSeconds", CreateToPublishSeconds);
        json.WriteNumberOrNull("teardownSeconds", TeardownSeconds);
        json.WriteShapes("rpcs", Rpcs);
        json.WriteShapes("errors", Errors);
        json.WriteTexts("leftovers", Leftovers);
    }
}

/// <summary>One RPC: all its calls, failed ones among them; the times are those of the calls that succeeded.</summary>
internal sealed record BenchRpcJson(
    string Rpc, int Calls, int Failures, double? P50Ms, double? P90Ms, double? P99Ms, double? MaxMs, double? MeanMs,
    double? CallsPerSecond) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("rpc", Rpc);
        json.WriteNumber("calls", Calls);
        json.WriteNumber("failures", Failures);
        json.WriteNumberOrNull("p50Ms", P50Ms);
        json.WriteNumberOrNull("p90Ms", P90Ms);
        json.WriteNumberOrNull("p99Ms", P99Ms);
        json.WriteNumberOrNull("maxMs", MaxMs);
        json.WriteNumberOrNull("meanMs", MeanMs);
        json.WriteNumberOrNull("callsPerSecond", CallsPerSecond);
    }
}

internal sealed record BenchErrorJson(string Rpc, string Code, int Count, string Message) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("rpc", Rpc);
        json.WriteString("code", Code);
        json.WriteNumber("count", Count);
        json.WriteString("message", Message);
    }
}
