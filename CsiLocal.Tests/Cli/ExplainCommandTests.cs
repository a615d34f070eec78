using CsiLocal.Admin.V1;
using CsiLocal.Cli;
using CsiLocal.Cli.Explain;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Cli;

public sealed class ExplainCommandTests : CliTest
{
    private static readonly DateTimeOffset _start = new(2026, 1, 31, 23, 59, 58, 250, TimeSpan.Zero);

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task The_history_is_a_timeline_of_calls_with_what_each_did()
    {
        Populate();

        var text = await RunAsync("explain", "data");
        var json = await RunAsync("explain", "data", "--output", "json");

        Assert.Equal((0, 0), (text.ExitCode, json.ExitCode));
        AssertSnapshot("explain.txt", $"$ csilocal explain data\n{text.Output}\n// explain\n{json.Output}");
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task On_a_terminal_failures_are_red()
    {
        Populate();

        var plain = await RunAsync(new Terminal { Width = 100 }, "explain", "data");
        var color = await RunAsync(new Terminal { Width = 100, Variables = new Dictionary<string, string?>() }, "explain", "data");

        Assert.DoesNotContain('\e', plain.Output);
        var line = Assert.Single(color.Output.Split('\n'), line => line.Contains("request 42", StringComparison.Ordinal));
        Assert.StartsWith("\e[31m", line, StringComparison.Ordinal);
        Assert.Equal(plain.Output, System.Text.RegularExpressions.Regex.Replace(color.Output, "\e\\[[0-9]+m", ""));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task What_a_tool_said_cannot_steer_the_terminal()
    {
        Daemon.Explanation.Add(new ExplainResponse { Subject = new Subject { Id = "v", Kind = "volume", State = "gone" } });
        Daemon.Explanation.Add(Change(0, "is undone", "mkfs said: \e[2J\nfake line"));

        var result = await RunAsync("explain", "v");

        Assert.DoesNotContain('\e', result.Output);
        Assert.Equal(3, result.Output.TrimEnd().Split('\n').Length);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Since_and_limit_are_asked_of_the_daemon()
    {
        Populate();

        await RunAsync("explain", "data", "--since", "2026-01-31 13:05", "--limit", "20");

        var request = Daemon.LastRequest<ExplainRequest>();
        Assert.Equal(new DateTime(2026, 1, 31, 13, 5, 0, DateTimeKind.Utc), request.Since.ToDateTime());
        Assert.Equal(20, request.Limit);
    }

    [Theory]
    [InlineData("2h", "2026-05-01T10:00:00Z")]
    [InlineData("30d", "2026-04-01T12:00:00Z")]
    [InlineData("2026-01-31", "2026-01-31T00:00:00Z")]
    [InlineData("2026-01-31 13:05", "2026-01-31T13:05:00Z")]
    [InlineData("2026-01-31T13:05:07", "2026-01-31T13:05:07Z")]
    [InlineData("2026-01-31 13:05:07Z", "2026-01-31T13:05:07Z")]
    [InlineData("2026-01-31T13:05:00+01:00", "2026-01-31T12:05:00Z")]
    [InlineData("2026-01-31T13:05:00.5Z", "2026-01-31T13:05:00.5Z")]
    [InlineData("yesterday", null)]
    [InlineData("13:05", null)]
    [InlineData("2026-13-01", null)]
    public void Times_are_how_long_ago_or_when_in_UTC(string text, string? expected)
    {
        var now = new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

        Assert.Equal(
            expected is null ? null : DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture),
            PointInTime.Parse(text, now));
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("--since", "yesterday")]
    [InlineData("--limit", "0")]
    [InlineData("--limit", "many")]
    public async Task What_is_no_time_or_number_is_refused_with_what_would_be_right(string option, string value)
    {
        var result = await RunAsync("explain", "data", option, value);

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains($"{option}: '{value}' is not a ", result.Error, StringComparison.Ordinal);
        Assert.Empty(Daemon.Calls);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task What_is_unknown_exits_with_3()
    {
        Daemon.Fail("Explain", StatusCode.NotFound, "explain 'x': nothing here has that name");

        var result = await RunAsync("explain", "x");

        Assert.Equal(ExitCode.NotFound, result.ExitCode);
        Assert.Equal("csilocal: explain 'x': nothing here has that name\n", result.Error);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Names_of_volumes_snapshots_and_pools_are_completed()
    {
        await CreateVolumeAsync("data-1");
        await RunAsync("snapshot", "create", "data-1", "monday");
        Daemon.Pools.Add(new Pool { Name = "fast" });

        var suggested = (await RunAsync("[suggest:8]", "explain ")).Output.Split('\n');

        Assert.Superset(new HashSet<string> { "data-1", "monday", "fast", "--since" }, suggested.ToHashSet());
        Assert.DoesNotContain("data-1", (await RunAsync("explain", "--help")).Output, StringComparison.Ordinal);
    }

    private void Populate()
    {
        Daemon.Explanation.Add(new ExplainResponse
        {
            Subject = new Subject
            {
                Id = IdOf("data"),
                Kind = "volume",
                Name = "data",
                State = "ready",
                Pool = "fast",
                SizeBytes = 1L << 30,
                AlsoMeant = { "s2345" },
                LeftOut = 3,
            },
        });
        Add(0, new RecordedCall
        {
            Id = 41,
            Rpc = "CreateVolume",
            Target = IdOf("data"),
            Name = "data",
            Peer = "unix:pid=7,uid=0,gid=0,program=csi-provisioner",
            Status = "OK",
            FinishedAt = At(0.0062),
            Changes = { Recorded(0.001, "is being created", "CreateVolume 'data'"), Recorded(0.006, "is ready", "1073741824 bytes at fast/v") },
        });
        Add(1, new RecordedCall
        {
            Id = 42,
            Rpc = "NodeStageVolume",
            Target = IdOf("data"),
            Name = "data",
            Peer = "unix:pid=9,uid=1000,gid=50",
            Status = "Internal",
            Message = "mkfs.ext4 /dev/loop0: exit code 1: no luck",
            FinishedAt = At(14.5),
            Changes = { Recorded(3, "is being formatted", "Ext4") },
            Commands =
            {
                Command(1.5, 11_300, "blkid", exitCode: 2, "exit code 2", "-p", "/dev/loop0"),
                Command(2, 12_000_000, "mkfs.ext4", exitCode: 1, "exit code 1: no luck", "-L", "it's a name", "", "/dev/loop0"),
                Command(14, 130_000, "lvs", exitCode: 0, "WARNING: over-provisioned"),
                Command(14.2, 0, "udevadm", exitCode: null, "udevadm is not installed"),
            },
        });
        Add(2, new RecordedCall { Id = 43, Rpc = "CreateSnapshot", Target = "s2345", Name = "monday", Peer = "ipv4:10.0.0.1:5", Status = "OK", FinishedAt = At(3) });
        Add(20, new RecordedCall { Id = 44, Rpc = "NodeStageVolume", Target = IdOf("data") }, running: false);
        Daemon.Explanation.Add(Change(30, "is not at /mnt", "Stage was recorded, nothing is mounted there"));
        Daemon.Explanation.Add(new ExplainResponse { Episode = new Episode { At = At(31), Command = Command(31, 2000, "umount", 0, "", "/mnt") } });
        Add(40, new RecordedCall { Id = 45, Rpc = "DeleteVolume", Target = IdOf("data") }, running: true);
    }

    private void Add(double second, RecordedCall call, bool running = false)
    {
        call.Running = running;
        Daemon.Explanation.Add(new ExplainResponse { Episode = new Episode { At = At(second), Call = call } });
    }

    private static ExplainResponse Change(double second, string what, string why) =>
        new() { Episode = new Episode { At = At(second), Change = Recorded(second, what, why) } };

    private static RecordedChange Recorded(double second, string what, string why) => new() { At = At(second), What = what, Why = why };

    private static RecordedCommand Command(double second, long microseconds, string program, int? exitCode, string summary, params string[] arguments)
    {
        var command = new RecordedCommand
        {
            StartedAt = At(second),
            Program = program,
            Arguments = { arguments },
            DurationMicroseconds = microseconds,
            Summary = summary,
            Failure = exitCode is null ? "NotFound" : "",
        };
        if (exitCode is { } code)
            command.ExitCode = code;
        return command;
    }

    private static Timestamp At(double second) => Timestamp.FromDateTimeOffset(_start.AddSeconds(second));
}
