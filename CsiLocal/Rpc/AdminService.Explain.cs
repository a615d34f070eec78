using CsiLocal.Admin.V1;
using CsiLocal.State;
using CsiLocal.Volumes;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Rpc;

/// <summary>Admin.Explain: the journal as messages.</summary>
internal sealed partial class AdminService
{
    public override async Task Explain(ExplainRequest request, IServerStreamWriter<ExplainResponse> responseStream, ServerCallContext context)
    {
        if (request.Limit < 0)
            throw FieldRules.Invalid($"limit: {request.Limit} is negative", "give 0 for all");

        var target = FieldRules.Name("target", request.Target);
        var explanation = explainer.Explain(target, request.Since?.ToDateTimeOffset(), request.Limit);
        await responseStream.WriteAsync(new ExplainResponse { Subject = Describe(explanation) }, context.CancellationToken);
        foreach (var episode in explanation.Episodes)
            await responseStream.WriteAsync(new ExplainResponse { Episode = Describe(episode) }, context.CancellationToken);
    }

    private static Admin.V1.Subject Describe(Explanation explanation) => new()
    {
        Id = FieldRules.Printable(explanation.Subject.Id),
        Kind = Word(explanation.Subject.Kind),
        Name = explanation.Subject.Name ?? "",
        State = explanation.Subject.State,
        Pool = explanation.Subject.Pool ?? "",
        SizeBytes = explanation.Subject.SizeBytes,
        AlsoMeant = { explanation.AlsoMeant },
        LeftOut = explanation.LeftOut,
    };

    private static Admin.V1.Episode Describe(Volumes.Episode episode)
    {
        var described = new Admin.V1.Episode { At = Timestamp.FromDateTimeOffset(episode.What.At) };
        switch (episode.What)
        {
            case HistoryEntry.Operation call:
                described.Call = Describe(call, episode);
                break;
            case HistoryEntry.Event change:
                described.Change = Describe(change);
                break;
            case HistoryEntry.Command command:
                described.Command = Describe(command.Entry);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(episode), episode.What, null);
        }

        return described;
    }

    private static RecordedCall Describe(HistoryEntry.Operation call, Volumes.Episode episode) => new()
    {
        Id = call.Id,
        Rpc = call.Rpc,
        Target = call.Target ?? "",
        Name = call.Name ?? "",
        Peer = call.Peer ?? "",
        Status = call.Status ?? "",
        Message = call.Message ?? "",
        FinishedAt = call.FinishedAt is { } finished ? Timestamp.FromDateTimeOffset(finished) : null,
        Running = episode.IsRunning,
        Commands = { call.Commands.Select(Describe) },
        Changes = { episode.Changes.Select(Describe) },
    };

    private static RecordedChange Describe(HistoryEntry.Event change) =>
        new() { At = Timestamp.FromDateTimeOffset(change.At), What = change.What, Why = change.Why };

    private static RecordedCommand Describe(CommandEntry command)
    {
        var described = new RecordedCommand
        {
            StartedAt = Timestamp.FromDateTimeOffset(command.StartedAt),
            Program = command.Program,
            Arguments = { command.Arguments },
            Failure = command.Failure?.ToString() ?? "",
            DurationMicroseconds = command.Duration.Ticks / TimeSpan.TicksPerMicrosecond,
            Summary = command.Summary ?? "",
        };
        if (command.ExitCode is { } exitCode)
            described.ExitCode = exitCode;
        return described;
    }
}
