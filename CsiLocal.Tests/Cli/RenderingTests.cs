using CsiLocal.Admin.V1;
using CsiLocal.Cli;
using CsiLocal.Tests.Fakes;
using Csi.V1;
using Grpc.Core;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Cli;

public sealed class RenderingTests : CliTest
{
    private const string Uuid = "5f1c0b6e-0b1c-4f6e-9a7e-0d0c5b0a9f11";

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData(80)]
    [InlineData(200)]
    public async Task Tables_fit_the_terminal(int width)
    {
        Populate();
        var terminal = new Terminal { Width = width };
        var all = "";

        foreach (var command in (string[])["volume list", "volume show data", "snapshot list", "pool list", "pool show fast", "pool show thin",
            "task list"])
        {
            var result = await RunAsync(terminal, command.Split(' '));
            Assert.Equal(0, result.ExitCode);
            all += $"$ csilocal {command}\n{result.Output}\n";
        }

        // The sentence about a pool's problem is the terminal's to fold.
        Assert.All(all.Split('\n').Where(line => !line.StartsWith("fast: ", StringComparison.Ordinal) && !line.StartsWith("thin: ", StringComparison.Ordinal)),
            line => Assert.True(line.Length <= width, $"{line.Length} columns: {line}"));
        AssertSnapshot($"tables-{width}.txt", all);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task In_a_pipe_every_row_is_one_line()
    {
        Populate();

        var result = await RunAsync("volume", "list");

        Assert.Equal(1 + Daemon.Volumes.Count, result.Output.TrimEnd().Split('\n').Length);
        Assert.DoesNotContain('\u001b', result.Output);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Json_documents_keep_their_shape()
    {
        Populate();
        var all = "";

        foreach (var command in (string[])["volume list", "volume show data", "snapshot list", "pool list", "pool show fast", "pool show thin",
            "task list", "reload"])
        {
            var result = await RunAsync([.. command.Split(' '), "--output", "json"]);
            Assert.Equal(0, result.ExitCode);
            all += $"// {command}\n{result.Output}";
        }

        AssertSnapshot("documents.json.txt", all);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Changes_answer_with_documents_too()
    {
        var all = "";

        foreach (var command in (string[][])
        [
            ["volume", "create", "data", "--size", "1Gi"], Mount("data", Folder.Combine("one")), ["volume", "unmount", "data"],
            ["snapshot", "create", "data", "monday"], ["snapshot", "delete", "monday", "absent", "--yes"],
        ])
        {
            var result = await RunAsync([.. command, "--output", "json"]);
            all += $"// {command[0]} {command[1]}\n{result.Output.Replace(Folder.Path, "FOLDER", StringComparison.Ordinal)}";
        }

        AssertSnapshot("changes.json.txt", all);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Empty_lists_are_empty_arrays_and_hints_for_people()
    {
        foreach (var list in (string[])["volume", "snapshot", "pool", "task"])
        {
            Assert.Equal("[]\n", (await RunAsync(list, "list", "-o", "json")).Output);
            Assert.StartsWith("No ", (await RunAsync(list, "list")).Output, StringComparison.Ordinal);
        }
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Control_characters_and_markup_do_not_reach_the_terminal()
    {
        Daemon.Pools.Add(new Pool { Name = "[red]x[/]\u001b[2J", Backend = "image", State = "ready" });

        var result = await RunAsync(new Terminal { Width = 80 }, "pool", "list");

        Assert.Contains("[red]x[/]?[2J", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', result.Output);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Reload_prints_changes_or_every_problem()
    {
        Assert.Equal("Nothing changed\n", (await RunAsync("reload")).Output);

        Daemon.ReloadChanges.Add("pool fast: added");
        Assert.Equal("pool fast: added\n", (await RunAsync("reload")).Output);

        Daemon.Fail(
            "Reload",
            StatusCode.FailedPrecondition,
            "nothing was changed:\na.yaml:3:5: pools[0].path: missing\na.yaml:9:1: trash: unknown");
        var bad = await RunAsync("reload");
        Assert.Equal(ExitCode.Precondition, bad.ExitCode);
        Assert.Equal(
            "csilocal: nothing was changed:\ncsilocal: a.yaml:3:5: pools[0].path: missing\ncsilocal: a.yaml:9:1: trash: unknown\n", bad.Error);
    }

    private void Populate()
    {
        AddVolume("data", "scratch", "ext4", 10L << 30, "/mnt/data");
        AddVolume("pvc-6f1d3a52-9d0e-4c55-8a25-5a3c5a2f2b10", "fast", "xfs", 1536L << 20,
            "/var/lib/kubelet/pods/0a1b2c3d-1111-2222-3333-444455556666/volumes/kubernetes.io~csi/pvc-6f1d3a52/mount");
        AddVolume("raw", "scratch", "", 512, null);
        AddSnapshot("data-monday", "data");
        AddSnapshot("orphan", "a volume that is gone");
        Daemon.Pools.Add(new Pool
        {
            Name = "scratch",
            Backend = "image",
            Location = "/var/lib/csilocal/images",
            State = "ready",
            Filesystem = "xfs",
            TotalBytes = 100L << 30,
            AvailableBytes = 61_234_567_890,
            ProvisionedBytes = 12L << 30,
            VolumeCount = 2,
            SnapshotCount = 1,
            IsDefault = true,
            Features = { "mount", "block", "snapshot-instant", "hard-limit" },
        });
        Daemon.Pools.Add(new Pool
        {
            Name = "fast",
            Backend = "directory",
            Location = "/srv/fast",
            State = "unavailable",
            Problem = "the file system of /srv/fast is not mounted; mount it and run 'csilocal reload'",
            Features = { "mount" },
        });
        Daemon.Pools.Add(new Pool
        {
            Name = "thin",
            Backend = "lvm-thin",
            Location = "nvme/pool0",
            State = "ready",
            TotalBytes = 400L << 30,
            AvailableBytes = 0,
            ProvisionedBytes = 900L << 30,
            VolumeCount = 90,
            Features = { "mount", "block", "snapshot-instant", "hard-limit" },
            Findings = { "thin pool nvme/pool0 has used 95.25 % of its data" },
            DataPercent = 95.25,
            MetadataPercent = 7.126,
        });
        Daemon.Tasks.Enqueue(new Admin.V1.Task
        {
            TargetId = IdOf("raw2"),
            Kind = "erase",
            State = "running",
            DoneBytes = 1L << 30,
            TotalBytes = 64L << 30,
            StartedAt = FakeCsiController.CreatedAt,
        });
        Daemon.Tasks.Enqueue(new Admin.V1.Task
        {
            TargetId = IdOf("copy"),
            Kind = "clone",
            State = "running",
            DoneBytes = 300 << 20,
            TotalBytes = 1L << 30,
            StartedAt = FakeCsiController.CreatedAt,
        });
        Daemon.ReloadChanges.Add("pool fast: added");
    }

    private void AddVolume(string name, string pool, string filesystem, long size, string? mountedAt)
    {
        var id = IdOf(name);
        var volume = new VolumeDetail
        {
            VolumeId = id,
            Name = name,
            Pool = pool,
            Backend = "image",
            SizeBytes = size,
            AccessType = filesystem.Length > 0 ? "mount" : "block",
            Filesystem = filesystem,
            FilesystemUuid = filesystem.Length > 0 ? Uuid : "",
            State = "ready",
            Location = $"/var/lib/csilocal/images/volumes/{id}.img",
            CreatedAt = FakeCsiController.CreatedAt,
            FormattedAt = filesystem.Length > 0 ? FakeCsiController.CreatedAt : null,
        };
        if (mountedAt is not null)
        {
            volume.Publications.Add(new Publication { Kind = "stage", Path = $"/run/csilocal/staging/{id}" });
            volume.Publications.Add(new Publication { Kind = "publish", Path = mountedAt, Readonly = name == "data" });
        }

        Daemon.Volumes[id] = volume;
    }

    private void AddSnapshot(string name, string volume)
    {
        var id = CsiLocal.Volumes.SnapshotId.Mint(name).Value;
        Daemon.Snapshots[id] = (new Snapshot
        {
            SnapshotId = id,
            SourceVolumeId = IdOf(volume),
            SizeBytes = 10L << 30,
            CreationTime = FakeCsiController.CreatedAt,
            ReadyToUse = name != "orphan",
        }, name);
    }
}
