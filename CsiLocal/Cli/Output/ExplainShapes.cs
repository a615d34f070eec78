using System.Text.Json;
using CsiLocal.Admin.V1;

namespace CsiLocal.Cli.Output;

/// <summary>The document of <c>explain</c>.</summary>
internal static class ExplainShapes
{
    public static IJsonShape Of(Subject subject, IReadOnlyList<Episode> episodes) => new ExplanationJson(subject, episodes);

    private sealed record ExplanationJson(Subject Subject, IReadOnlyList<Episode> Episodes) : IJsonShape
    {
        public void Write(Utf8JsonWriter json)
        {
            json.WriteString("id", Subject.Id);
            json.WriteString("kind", Subject.Kind);
            json.WriteString("name", PlainText.NullIfEmpty(Subject.Name));
            json.WriteString("state", Subject.State);
            json.WriteString("pool", PlainText.NullIfEmpty(Subject.Pool));
            json.WriteNumberOrNull("sizeBytes", Subject.Pool.Length > 0 ? Subject.SizeBytes : null);
            json.WriteTexts("alsoMeant", Subject.AlsoMeant);
            json.WriteNumber("leftOut", Subject.LeftOut);
            json.WriteShapes("episodes", [.. Episodes.Select(static episode => new EpisodeJson(episode))]);
        }
    }

    private sealed record EpisodeJson(Episode Episode) : IJsonShape
    {
        public void Write(Utf8JsonWriter json)
        {
            json.WriteString("kind", Episode.WhatCase.ToString().ToLowerInvariant());
            json.WriteTime("at", Episode.At.ToDateTime());
            switch (Episode.WhatCase)
            {
                case Episode.WhatOneofCase.Call:
                    Write(json, Episode.Call);
                    break;
                case Episode.WhatOneofCase.Change:
                    Write(json, Episode.Change);
                    break;
                case Episode.WhatOneofCase.Command:
                    Write(json, Episode.Command);
                    break;
            }
        }

        private static void Write(Utf8JsonWriter json, RecordedCall call)
        {
            json.WriteNumber("request", call.Id);
            json.WriteString("rpc", call.Rpc);
            json.WriteString("target", PlainText.NullIfEmpty(call.Target));
            json.WriteString("name", PlainText.NullIfEmpty(call.Name));
            json.WriteString("peer", PlainText.NullIfEmpty(call.Peer));
            json.WriteString("status", PlainText.NullIfEmpty(call.Status));
            json.WriteString("message", PlainText.NullIfEmpty(call.Message));
            json.WriteTime("finishedAt", call.FinishedAt?.ToDateTime());
            json.WriteBoolean("running", call.Running);
            json.WriteShapes("commands", [.. call.Commands.Select(static command => new CommandJson(command))]);
            json.WriteShapes("changes", [.. call.Changes.Select(static change => new ChangeJson(change))]);
        }

        private static void Write(Utf8JsonWriter json, RecordedChange change)
        {
            json.WriteString("what", change.What);
            json.WriteString("why", change.Why);
        }

        private static void Write(Utf8JsonWriter json, RecordedCommand command)
        {
            json.WriteString("program", command.Program);
            json.WriteTexts("arguments", command.Arguments);
            json.WriteNumberOrNull("exitCode", command.HasExitCode ? command.ExitCode : null);
            json.WriteString("failure", PlainText.NullIfEmpty(command.Failure));
            json.WriteNumber("durationMs", command.DurationMicroseconds / 1000.0);
            json.WriteString("summary", PlainText.NullIfEmpty(command.Summary));
        }

        private sealed record CommandJson(RecordedCommand Command) : IJsonShape
        {
            public void Write(Utf8JsonWriter json)
            {
                json.WriteTime("at", Command.StartedAt.ToDateTime());
                EpisodeJson.Write(json, Command);
            }
        }

        private sealed record ChangeJson(RecordedChange Change) : IJsonShape
        {
            public void Write(Utf8JsonWriter json)
            {
                json.WriteTime("at", Change.At.ToDateTime());
                EpisodeJson.Write(json, Change);
            }
        }
    }
}
