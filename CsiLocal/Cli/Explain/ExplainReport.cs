using System.Globalization;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Output;
using Google.Protobuf.WellKnownTypes;

namespace CsiLocal.Cli.Explain;

/// <summary>A history for somebody who was just woken up: in order of time, each call with what it did below it, failures in sight.</summary>
internal sealed class ExplainReport(ReportWriter report, Subject subject)
{
    private const string TimeOfDay = "HH:mm:ss.fff";

    /// <summary>What a call did stands below its name.</summary>
    private const string Indent = "              ";

    public void Write(IReadOnlyList<Episode> episodes)
    {
        var about = subject.Pool.Length > 0 ? $", {PlainText.Size(subject.SizeBytes)} in pool {subject.Pool}" : "";
        report.Line(Title(), Tone.Heading, $": {subject.State}{about}");
        foreach (var other in subject.AlsoMeant)
            report.Line($"There is more of that name: csilocal explain {other}");

        if (episodes.Count == 0)
            report.Line("Nothing is recorded");
        if (subject.LeftOut > 0)
            report.Line(string.Create(CultureInfo.InvariantCulture, $"({subject.LeftOut} earlier left out)"));
        var day = "";
        foreach (var episode in episodes)
        {
            var today = Format(episode.At, "yyyy-MM-dd");
            if (today != day)
                report.Line(today, Tone.Heading, " UTC");
            day = today;
            Write(episode);
        }
    }

    private string Title() => subject.Name.Length > 0 && subject.Name != subject.Id
        ? $"{subject.Kind} {subject.Name} ({subject.Id})"
        : $"{subject.Kind} {subject.Id}";

    private void Write(Episode episode)
    {
        switch (episode.WhatCase)
        {
            case Episode.WhatOneofCase.Call:
                Write(Format(episode.At, TimeOfDay), episode.At, episode.Call);
                break;
            case Episode.WhatOneofCase.Change:
                report.Line($"{Format(episode.At, TimeOfDay)}  the daemon: {Sentence(episode.Change)}");
                break;
            case Episode.WhatOneofCase.Command:
                report.Line($"{Format(episode.At, TimeOfDay)}  the daemon: ", Tone.Normal, Sentence(episode.Command));
                break;
        }
    }

    private void Write(string time, Timestamp began, RecordedCall call)
    {
        var (outcome, tone) = Outcome(call, began);
        report.Line($"{time}  {What(call)}  {outcome}", tone, $"  by {Peer(call.Peer)}, request {call.Id}");
        foreach (var step in Steps(call))
            report.Line($"{Indent}{Format(step.At, TimeOfDay)}  {step.Line}");
        if (call.Message.Length > 0)
            report.Line($"{Indent}{call.Message}", tone, "");
    }

    // What was made of the subject is a call about another one.
    private string What(RecordedCall call) => call.Target.Length == 0 || call.Target == subject.Id
        ? call.Rpc
        : $"{call.Rpc} from it: {(call.Name.Length > 0 ? $"{call.Name} ({call.Target})" : call.Target)}";

    private static (string Text, Tone Tone) Outcome(RecordedCall call, Timestamp began)
    {
        if (call.Status.Length == 0)
            return call.Running ? ("UNDER WAY", Tone.Warning) : ("CUT OFF: the daemon ended before it did", Tone.Bad);

        var took = call.FinishedAt is { } finished ? $"  {Milliseconds((finished.ToDateTime() - began.ToDateTime()).TotalMilliseconds)}" : "";
        return ($"{call.Status}{took}", call.Status == "OK" ? Tone.Good : Tone.Bad);
    }

    /// <summary>Commands and changes of one call in order of time; commands first where the time is the same.</summary>
    private static List<Step> Steps(RecordedCall call)
    {
        var steps = new List<Step>();
        foreach (var command in call.Commands)
            steps.Add(new Step(command.StartedAt, Sentence(command)));
        foreach (var change in call.Changes)
            steps.Add(new Step(change.At, Sentence(change)));
        return [.. steps.OrderBy(static step => step.Order, StringComparer.Ordinal)];
    }

    private static string Sentence(RecordedChange change) => $"{change.What}: {change.Why}";

    private static string Sentence(RecordedCommand command)
    {
        var code = $"exit code {command.ExitCode}";
        var outcome = !command.HasExitCode ? $"{command.Failure}: {command.Summary}"
            : command.Summary.Length == 0 ? code
            : command.Summary.StartsWith(code, StringComparison.Ordinal) ? command.Summary
            : $"{code}: {command.Summary}";
        return $"$ {ShellLine(command)}  ({Milliseconds(command.DurationMicroseconds / 1000.0)}, {outcome})";
    }

    /// <summary>Fit to be pasted into a shell.</summary>
    private static string ShellLine(RecordedCommand command) => string.Join(' ', command.Arguments.Prepend(command.Program).Select(Quote));

    private static string Quote(string word)
    {
        var isPlain = word.Length > 0;
        foreach (var c in word)
            isPlain &= char.IsAsciiLetterOrDigit(c) || "-_./:=,+@%".Contains(c);
        return isPlain ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }

    /// <summary>"unix:pid=7,uid=0,gid=0,program=kubelet" as "kubelet (pid 7, uid 0, gid 0)".</summary>
    private static string Peer(string peer)
    {
        const string Unix = "unix:";
        if (peer.Length <= Unix.Length || !peer.StartsWith(Unix, StringComparison.Ordinal))
            return peer.Length == 0 ? "somebody" : peer;

        var parts = peer[Unix.Length..].Split(',');
        var program = parts[^1].StartsWith("program=", StringComparison.Ordinal) ? parts[^1]["program=".Length..] : null;
        var who = string.Join(", ", program is null ? parts : parts[..^1]).Replace('=', ' ');
        return program is null ? who : $"{program} ({who})";
    }

    private static string Milliseconds(double milliseconds) => milliseconds switch
    {
        < 10 => string.Create(CultureInfo.InvariantCulture, $"{milliseconds:0.0} ms"),
        < 10_000 => string.Create(CultureInfo.InvariantCulture, $"{milliseconds:0} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000:0.0} s"),
    };

    private static string Format(Timestamp time, string format) => time.ToDateTime().ToString(format, CultureInfo.InvariantCulture);

    private sealed record Step(Timestamp At, string Line)
    {
        // A text: there is code to sort by texts already, which for times would be compiled anew.
        public string Order => Format(At, "O");
    }
}
