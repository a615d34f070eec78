using CsiLocal.Admin.V1;
using CsiLocal.Cli;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Cli;

public sealed class TrashCommandTests : CliTest
{
    private static TrashedVolume Item(string id, string name, TimeSpan left, string state = "kept") => new()
    {
        TrashId = id,
        VolumeId = IdOf(name),
        Name = name,
        Pool = "scratch",
        SizeBytes = 1L << 30,
        DeletedAt = Timestamp.FromDateTimeOffset(new DateTimeOffset(2026, 3, 1, 3, 0, 0, TimeSpan.Zero)),
        Deadline = Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow() + left + TimeSpan.FromSeconds(30)),
        Erase = "discard",
        State = state,
    };

    private readonly TrashedVolume _data = Item("taaaaaaaaaaaaaaaaaaaa", "data", TimeSpan.FromHours(23));

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task An_empty_trash_says_so()
    {
        Assert.Equal("The trash is empty\n", (await RunAsync("trash", "list")).Output);
        Assert.Equal("[]\n", (await RunAsync("trash", "list", "--output", "json")).Output);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task The_list_says_what_it_was_and_how_long_it_is_kept()
    {
        Daemon.Trash.Add(_data);
        Daemon.Trash.Add(Item("tbbbbbbbbbbbbbbbbbbbb", "old", TimeSpan.FromDays(6)));
        var gone = Item("tcccccccccccccccccccc", "gone", TimeSpan.Zero, "erasing");
        (gone.DoneBytes, gone.TotalBytes) = (300, 1000);
        Daemon.Trash.Add(gone);

        var rows = (await RunAsync("trash", "list")).Output.TrimEnd().Split('\n');
        var json = (await RunAsync("trash", "list", "--output", "json")).Output;

        Assert.Equal(["ID", "NAME", "VOLUME", "POOL", "SIZE", "DELETED", "ERASED"], rows[0].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith($"{_data.TrashId}  data", rows[1], StringComparison.Ordinal);
        Assert.EndsWith("2026-03-01 03:00Z  in 23 h", rows[1], StringComparison.Ordinal);
        Assert.EndsWith("in 6 days", rows[2], StringComparison.Ordinal);
        Assert.EndsWith("being erased, 30 %", rows[3], StringComparison.Ordinal);
        foreach (var property in new[] { "id", "volumeId", "name", "pool", "sizeBytes", "deletedAt", "deadline", "erase", "state", "doneBytes", "totalBytes", "error" })
            Assert.Contains($"\"{property}\":", json, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Undelete_tells_what_came_back()
    {
        Daemon.Trash.Add(_data);

        var result = await RunAsync("volume", "undelete", "data", "--name", "again");

        Assert.Equal(($"again: is back, 1 GiB ext4 in pool scratch, id {IdOf("again")}\n", ""), (result.Output, result.Error));
        Assert.Equal(("data", "again"), (Daemon.LastRequest<UndeleteVolumeRequest>().Volume, Daemon.LastRequest<UndeleteVolumeRequest>().NewName));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_taken_name_is_exit_code_4_with_the_remedy()
    {
        Daemon.Fail("UndeleteVolume", StatusCode.AlreadyExists, "there is a volume 'data' again; bring it back under another name: … --name NEW", times: 1);

        var result = await RunAsync("volume", "undelete", "data");

        Assert.Equal(ExitCode.AlreadyExists, result.ExitCode);
        Assert.Contains("--name NEW", result.Error, StringComparison.Ordinal);
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("trash empty --yes")]
    [InlineData("trash empty --yes --all --pool scratch")]
    [InlineData("trash empty --yes --all data")]
    public async Task What_is_erased_has_to_be_said_in_one_way(string line)
    {
        var result = await RunAsync(line.Split(' '));

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Equal(0, Daemon.Count("EmptyTrash"));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Empty_asks_first_and_takes_no_for_an_answer()
    {
        Daemon.Trash.Add(_data);

        var no = await RunAsync(new Terminal { Input = "n\n" }, "trash", "empty", "--all");
        var nobody = await RunAsync("trash", "empty", "--all");
        Assert.Equal((ExitCode.Failed, ExitCode.Usage), (no.ExitCode, nobody.ExitCode));
        Assert.Contains("for good", no.Error, StringComparison.Ordinal);
        Assert.Equal(0, Daemon.Count("EmptyTrash"));

        var yes = await RunAsync(new Terminal { Input = "y\n" }, "trash", "empty", "data");
        Assert.Equal((0, $"data ({_data.TrashId}): erased\n"), (yes.ExitCode, yes.Output));
        Assert.Equal(["data"], Daemon.LastRequest<EmptyTrashRequest>().Volumes);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task What_could_not_be_erased_is_told_and_fails()
    {
        var item = Item("taaaaaaaaaaaaaaaaaaaa", "data", TimeSpan.Zero);
        item.Error = "the disk is gone";
        Daemon.Trash.Add(item);

        var result = await RunAsync("trash", "empty", "--yes", "--all");

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Equal($"csilocal: data ({item.TrashId}): the disk is gone\n", result.Error);
    }
}
