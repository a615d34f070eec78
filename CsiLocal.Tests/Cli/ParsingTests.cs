using CsiLocal.Cli;
using Xunit;

namespace CsiLocal.Tests.Cli;

public sealed class ParsingTests : CliTest
{
    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("volume create data --size ten", "--size: 'ten' is not a size; write 10Gi, 500M or bytes")]
    [InlineData("volume create data --size 0", "--size: '0' is not a size")]
    [InlineData("volume create data", "Option '--size' is required")]
    [InlineData("volume create data --size 1Gi --fs vfat", "--fs: 'vfat' is not one of ext4, xfs, btrfs")]
    [InlineData("volume create data --size 1Gi --fs xfs --block", "--block and --fs exclude each other")]
    [InlineData("volume create data --size 1Gi --param novalue", "--param: 'novalue' is not KEY=VALUE")]
    [InlineData("volume create data --size 1Gi --param a=1 --param a=2", "the parameter 'a' is given twice")]
    [InlineData("volume create data --size 1Gi --access-mode any", "--access-mode: 'any' is not one of writer, reader-only")]
    [InlineData("volume list --output xml", "--output: 'xml' is not one of table, json")]
    [InlineData("volume list --timeout soon", "--timeout: 'soon' is not a duration")]
    [InlineData("volume list --endpoint ftp://x", "'ftp://x' is not an endpoint")]
    [InlineData("volume frobnicate", "'frobnicate' is not a command, an option or an argument of 'csilocal volume'")]
    [InlineData("bench --volumes 0", "--volumes: '0' is not a number from 1 on")]
    public async Task A_wrong_command_line_exits_with_2_and_says_what_is_wrong(string line, string message)
    {
        var result = await RunAsync(line.Split(' '));

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.All(result.Error.TrimEnd().Split('\n'), said => Assert.StartsWith("csilocal: ", said, StringComparison.Ordinal));
        Assert.Empty(result.Output);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_group_alone_shows_its_commands_and_exits_with_2()
    {
        var result = await RunAsync("volume");

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains("unmount", result.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task The_roots_help_has_examples_and_exit_codes()
    {
        var result = await RunAsync("--help");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("csilocal volume mount data /mnt/data", result.Output, StringComparison.Ordinal);
        Assert.Contains("130  interrupted", result.Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Version_prints_one_line()
    {
        var result = await RunAsync("--version");

        Assert.Equal(0, result.ExitCode);
        Assert.Single(result.Output.TrimEnd().Split('\n'));
        Assert.Matches(@"^\d+\.\d+\.\d+$", result.Output.TrimEnd());
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Every_option_of_create_reaches_the_request()
    {
        await CreateVolumeAsync("data", "--limit", "2Gi", "--pool", "fast", "--fs", "xfs", "--access-mode", "single-writer",
            "--mkfs-options", "-m reflink=1", "--preallocate", "--param", "layout=raid1", "--param", "note=a=b");

        var request = Daemon.LastRequest<Csi.V1.CreateVolumeRequest>();
        Assert.Equal("data", request.Name);
        Assert.Equal(1L << 30, request.CapacityRange.RequiredBytes);
        Assert.Equal(2L << 30, request.CapacityRange.LimitBytes);
        var capability = Assert.Single(request.VolumeCapabilities);
        Assert.Equal("xfs", capability.Mount.FsType);
        Assert.Equal(Csi.V1.VolumeCapability.Types.AccessMode.Types.Mode.SingleNodeSingleWriter, capability.AccessMode.Mode);
        Assert.Equal(
            new SortedDictionary<string, string>
            {
                ["layout"] = "raid1",
                ["mkfsOptions"] = "-m reflink=1",
                ["note"] = "a=b",
                ["pool"] = "fast",
                ["preallocate"] = "true",
            },
            new SortedDictionary<string, string>(request.Parameters));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task The_endpoint_flag_comes_before_the_environment()
    {
        var elsewhere = new Terminal { Variables = new Dictionary<string, string?> { ["CSILOCAL_ENDPOINT"] = "unix:///nowhere/csi.sock" } };

        Assert.Equal(ExitCode.Unavailable, (await RunAsync(elsewhere, "volume", "list")).ExitCode);
        Assert.Equal(ExitCode.Success, (await RunAsync(elsewhere, "volume", "list", "--endpoint", Server.Endpoint)).ExitCode);
    }
}
