# LyncDiag: objects from the documents of lyncdiag. It runs the program, turns
# each document into an object with a type name, and each refusal into an error.
# Windows PowerShell 5.1 and PowerShell 7 read the same lines here.

Set-StrictMode -Version 2.0

# What the program says with its exit code beside a document, see docs/commands.
$script:ExitUsage = 2
$script:ExitUnfinished = 3
$script:ExitInterrupted = 130

function Get-LyncDiagProgram {
    # The program beside the module, else the one on the path.
    foreach ($name in 'lyncdiag.exe', 'lyncdiag') {
        $own = Join-Path -Path (Join-Path -Path $PSScriptRoot -ChildPath 'bin') -ChildPath $name
        if (Test-Path -LiteralPath $own -PathType Leaf) {
            return $own
        }
    }
    $found = Get-Command -Name 'lyncdiag' -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if ($null -eq $found) {
        throw (New-Object -TypeName System.IO.FileNotFoundException -ArgumentList 'lyncdiag.exe is neither in the bin folder of the module LyncDiag nor on the path. Put it there.')
    }
    return $found.Path
}

function ConvertTo-LyncDiagCommandLine {
    # One string that the rules of CommandLineToArgvW take apart again: Windows
    # PowerShell 5.1 loses quotes and empty arguments when it does this itself.
    param([string[]] $ArgumentList)
    $quoted = foreach ($argument in $ArgumentList) {
        if ($argument -ne '' -and $argument -notmatch '[\s"]') {
            $argument
        }
        else {
            # Backslashes count only before a quote, and each twice.
            $text = $argument -replace '(\\*)"', '$1$1\"'
            $text = $text -replace '(\\+)$', '$1$1'
            '"' + $text + '"'
        }
    }
    return ($quoted -join ' ')
}

function Invoke-LyncDiag {
    # Runs the program and writes each line of its standard output. $State takes
    # the exit code and what was said on standard error.
    param(
        [string[]] $ArgumentList,
        [string] $InputText,
        [hashtable] $State
    )
    $start = New-Object -TypeName System.Diagnostics.ProcessStartInfo
    $start.FileName = Get-LyncDiagProgram
    $start.Arguments = ConvertTo-LyncDiagCommandLine -ArgumentList $ArgumentList
    $start.WorkingDirectory = (Get-Location -PSProvider FileSystem).ProviderPath
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false
    $start.StandardErrorEncoding = New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false
    $process = New-Object -TypeName System.Diagnostics.Process
    $process.StartInfo = $start
    try {
        $null = $process.Start()
        $problem = $process.StandardError.ReadToEndAsync()
        if ($InputText) {
            # Bytes, as the encoding of the writer is the console's in 5.1.
            $bytes = (New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false).GetBytes($InputText)
            $process.StandardInput.BaseStream.Write($bytes, 0, $bytes.Length)
            $process.StandardInput.BaseStream.Flush()
        }
        $process.StandardInput.Close()
        while ($true) {
            # A short wait at a time, so that Ctrl-C is heard.
            $next = $process.StandardOutput.ReadLineAsync()
            while (-not $next.Wait(200)) { }
            if ($null -eq $next.Result) {
                break
            }
            $next.Result
        }
        while (-not $process.WaitForExit(200)) { }
        $State.ExitCode = $process.ExitCode
        $State.Error = ($problem.Result).Trim()
    }
    finally {
        try {
            if (-not $process.HasExited) {
                $process.Kill()
            }
        }
        catch [System.InvalidOperationException] {
            # It was never started.
            $null = $_
        }
        $process.Dispose()
    }
}

function ConvertTo-LyncDiagTime {
    # PowerShell 7 has made a [datetime] of it, Windows PowerShell 5.1 has not.
    param($Value)
    if ($Value -is [string] -and $Value -ne '') {
        return [datetime]::Parse($Value, [System.Globalization.CultureInfo]::InvariantCulture, [System.Globalization.DateTimeStyles]::RoundtripKind)
    }
    return $Value
}

function Add-LyncDiagType {
    # Names the type of an object for its view, and makes times of its times.
    param($InputObject, [string] $TypeName, [string[]] $Time)
    if ($null -eq $InputObject) {
        return
    }
    $InputObject.PSObject.TypeNames.Insert(0, $TypeName)
    foreach ($name in $Time) {
        $property = $InputObject.PSObject.Properties[$name]
        if ($null -ne $property) {
            $property.Value = ConvertTo-LyncDiagTime -Value $property.Value
        }
    }
}

function ConvertFrom-LyncDiagLine {
    # One document. Its findings have a type of their own.
    param([string] $Line, [string] $TypeName, [string[]] $Time)
    $document = $Line | ConvertFrom-Json
    Add-LyncDiagType -InputObject $document -TypeName $TypeName -Time $Time
    if ($null -ne $document.PSObject.Properties['findings']) {
        foreach ($finding in $document.findings) {
            Add-LyncDiagType -InputObject $finding -TypeName 'LyncDiag.Finding'
        }
    }
    return $document
}

function New-LyncDiagError {
    param([string] $Message, [string] $Id, [System.Management.Automation.ErrorCategory] $Category, $Target)
    $exception = New-Object -TypeName System.InvalidOperationException -ArgumentList $Message
    return (New-Object -TypeName System.Management.Automation.ErrorRecord -ArgumentList $exception, $Id, $Category, $Target)
}

function Write-LyncDiagProblem {
    # What the program said on standard error, by its exit code: an error where
    # it refused or could not work, else a warning.
    param([hashtable] $State, [System.Management.Automation.PSCmdlet] $Caller, $Target)
    $text = [string] $State.Error
    if ($State.ExitCode -eq $script:ExitUsage) {
        $Caller.WriteError((New-LyncDiagError -Message $text -Id 'LyncDiag.BadInput' -Category InvalidArgument -Target $Target))
    }
    elseif ($State.ExitCode -eq $script:ExitInterrupted) {
        $Caller.WriteError((New-LyncDiagError -Message 'lyncdiag was interrupted; what it found until then was written.' -Id 'LyncDiag.Interrupted' -Category OperationStopped -Target $Target))
    }
    elseif ($State.ExitCode -notin 0, 1, $script:ExitUnfinished -or ($State.ExitCode -eq $script:ExitUnfinished -and $State.Documents -eq 0)) {
        $Caller.WriteError((New-LyncDiagError -Message ('lyncdiag ended with exit code {0}. {1}' -f $State.ExitCode, $text) -Id 'LyncDiag.Failed' -Category OperationStopped -Target $Target))
    }
    elseif ($text -ne '') {
        $Caller.WriteWarning($text)
    }
}

function Get-LyncDiagCategory {
    # The category of an error record for a finding's type.
    param([string] $Type)
    switch ($Type) {
        'identity' { return [System.Management.Automation.ErrorCategory]::AuthenticationError }
        'network' { return [System.Management.Automation.ErrorCategory]::ConnectionError }
        'service' { return [System.Management.Automation.ErrorCategory]::ResourceUnavailable }
        default { return [System.Management.Automation.ErrorCategory]::InvalidOperation }
    }
}

function Write-LyncDiagFinding {
    # Each root failure of a report as an error that bears its name.
    param($Report, [System.Management.Automation.PSCmdlet] $Caller)
    foreach ($finding in $Report.findings) {
        if ($finding.severity -eq 'failure' -and $finding.causedBy -eq '') {
            $record = New-LyncDiagError -Message ('{0}: {1}' -f $Report.target.address, $finding.title) -Id ([string] $finding.name) -Category (Get-LyncDiagCategory -Type $finding.type) -Target $finding
            $record.ErrorDetails = New-Object -TypeName System.Management.Automation.ErrorDetails -ArgumentList ('{0}: {1}. {2}' -f $Report.target.address, $finding.title, $finding.cause)
            $record.ErrorDetails.RecommendedAction = ($finding.resolution -join [Environment]::NewLine)
            $Caller.WriteError($record)
        }
    }
}

function Get-LyncDiagFilePath {
    # The full path of a file as the program sees it.
    param([string[]] $Path)
    foreach ($one in $Path) {
        $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($one)
    }
}

function Get-LyncDiagNetworkArgument {
    # The flags that the commands which use the network share.
    param([hashtable] $Bound)
    $flags = [ordered] @{
        Deployment = '--deployment'
        Cloud      = '--cloud'
        Client     = '--client'
        Location   = '--location'
        Proxy      = '--proxy'
    }
    foreach ($name in $flags.Keys) {
        if ($Bound.ContainsKey($name)) {
            $flags[$name]
            [string] $Bound[$name]
        }
    }
    if ($Bound.ContainsKey('Resolver')) {
        foreach ($address in $Bound['Resolver']) {
            '--dns'
            $address
        }
    }
    if ($Bound.ContainsKey('TimeoutSeconds')) {
        '--timeout'
        '{0}s' -f $Bound['TimeoutSeconds']
    }
    if ($Bound.ContainsKey('Lab')) {
        '--lab={0}' -f ($Bound['Lab'] -join ',')
    }
    if ($Bound.ContainsKey('Offline') -and $Bound['Offline']) {
        '--offline'
    }
}

function Test-LyncSignIn {
    <#
    .SYNOPSIS
    Says why somebody cannot sign in to Lync or Skype for Business.

    .DESCRIPTION
    Looks at the whole chain, from DNS and Autodiscover over the registrar to the
    login service and AD FS, and at what is known besides. Writes one report for
    each address. A problem is no error, unless -WriteError is given: the report
    has it. Several addresses are looked at by one run of the program, several at
    a time, and are written in their order as they are done.

    .PARAMETER Address
    The sign-in address, with or without sip: in front. From the pipeline: text, or
    objects with a property SipAddress or UserPrincipalName, as Get-CsUser,
    Get-CsOnlineUser, Get-MgUser and Get-MsolUser write them.

    .PARAMETER UserName
    The name that the user signs in with, where it is not the address.

    .PARAMETER Credential
    The user's name and password. A token is then asked for, once, as Lync does it.
    The password goes over standard input, never into an argument.

    .PARAMETER User
    Files with exports of users; see docs/powershell.md.

    .PARAMETER DomainExport
    Files with exports of domains, federation settings or service health.

    .PARAMETER Log
    Client logs: files or folders.

    .PARAMETER Bundle
    Support bundles: MOSDALREPORT.zip or folders.

    .PARAMETER Message
    The message that the client shows.

    .PARAMETER Answer
    Answers to questions of the article, such as @{ 'portal-sign-in' = 'yes' }.

    .PARAMETER Ticket
    A text that the report repeats.

    .PARAMETER Concurrency
    How many addresses are looked at at a time.

    .PARAMETER WriteError
    Writes each root failure as an error too, with the finding's name as its id.

    .PARAMETER Deployment
    Where the users are: auto, online, hybrid or server.

    .PARAMETER Cloud
    Cloud of Lync Online: worldwide, gcc-high, dod or china.

    .PARAMETER Client
    The client to judge for.

    .PARAMETER Location
    Where this computer is: inside or outside the company network.

    .PARAMETER Proxy
    An HTTP proxy for every connection, or none.

    .PARAMETER Resolver
    DNS servers to ask, as [NAME=]ADDRESS; with several, their answers are compared.

    .PARAMETER TimeoutSeconds
    The time for the run, of each address where there are several.

    .PARAMETER Lab
    Uses the built-in lab in place of the network, with these faults.

    .PARAMETER Offline
    Sends nothing.

    .EXAMPLE
    Test-LyncSignIn joe@contoso.com

    .EXAMPLE
    Get-CsOnlineUser | Test-LyncSignIn | Where-Object { $_.verdict.outcome -eq 'problem' }

    .EXAMPLE
    (Test-LyncSignIn joe@contoso.com).findings | Format-List title, resolution

    .EXAMPLE
    Test-LyncSignIn joe@contoso.com -Log $env:LOCALAPPDATA\Microsoft\Office\16.0\Lync\Tracing -Offline

    .OUTPUTS
    LyncDiag.Report
    #>
    [CmdletBinding()]
    [OutputType('LyncDiag.Report')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('SipAddress', 'UserPrincipalName', 'SignInName')]
        [string] $Address,

        [string] $UserName,

        [System.Management.Automation.PSCredential]
        [System.Management.Automation.Credential()]
        $Credential = [System.Management.Automation.PSCredential]::Empty,

        [string[]] $User,

        [string[]] $DomainExport,

        [string[]] $Log,

        [string[]] $Bundle,

        [string] $Message,

        [hashtable] $Answer,

        [string] $Ticket,

        [ValidateRange(1, 1000)]
        [int] $Concurrency,

        [switch] $WriteError,

        [ValidateSet('auto', 'online', 'hybrid', 'server')]
        [string] $Deployment,

        [ValidateSet('worldwide', 'gcc-high', 'dod', 'china')]
        [string] $Cloud,

        [ValidateSet('any', 'lync2010-rtm', 'lync2010', 'lync2013', 'sfb2016', 'mobile')]
        [string] $Client,

        [ValidateSet('inside', 'outside', 'unknown')]
        [string] $Location,

        [string] $Proxy,

        [string[]] $Resolver,

        [ValidateRange(1, 86400)]
        [int] $TimeoutSeconds,

        [string[]] $Lab,

        [switch] $Offline
    )
    begin {
        $addresses = New-Object -TypeName 'System.Collections.Generic.List[string]'
    }
    process {
        $addresses.Add(($Address.Trim() -replace '^(?i)sip:', ''))
    }
    end {
        $arguments = @('check', '--output', 'ndjson')
        $arguments += @(Get-LyncDiagNetworkArgument -Bound $PSBoundParameters)
        $list = $null
        $secret = $null
        try {
            if ($addresses.Count -ne 1) {
                $list = [System.IO.Path]::GetTempFileName()
                [System.IO.File]::WriteAllLines($list, $addresses)
                $arguments += '--input', $list
                if ($Concurrency) {
                    $arguments += '--concurrency', [string] $Concurrency
                }
            }
            foreach ($file in @(Get-LyncDiagFilePath -Path $User)) { $arguments += '--user', $file }
            foreach ($file in @(Get-LyncDiagFilePath -Path $DomainExport)) { $arguments += '--domain', $file }
            foreach ($file in @(Get-LyncDiagFilePath -Path $Log)) { $arguments += '--log', $file }
            foreach ($file in @(Get-LyncDiagFilePath -Path $Bundle)) { $arguments += '--bundle', $file }
            if ($Message) { $arguments += '--message', $Message }
            if ($Answer) {
                foreach ($id in $Answer.Keys) { $arguments += '--answer', ('{0}={1}' -f $id, $Answer[$id]) }
            }
            if ($Ticket) { $arguments += '--ticket', $Ticket }
            if ($Credential -ne [System.Management.Automation.PSCredential]::Empty) {
                $secret = $Credential.GetNetworkCredential().Password + "`n"
                $arguments += '--password-stdin', '--user-name', $Credential.UserName
            }
            elseif ($UserName) {
                $arguments += '--user-name', $UserName
            }
            if ($addresses.Count -eq 1) {
                $arguments += '--', $addresses[0]
            }
            $state = @{ ExitCode = -1; Error = ''; Documents = 0 }
            Invoke-LyncDiag -ArgumentList $arguments -InputText $secret -State $state | ForEach-Object {
                $state.Documents++
                $report = ConvertFrom-LyncDiagLine -Line $_ -TypeName 'LyncDiag.Report' -Time 'startedAt'
                $report
                if ($WriteError) {
                    Write-LyncDiagFinding -Report $report -Caller $PSCmdlet
                }
            }
            Write-LyncDiagProblem -State $state -Caller $PSCmdlet -Target ($addresses -join ', ')
        }
        finally {
            if ($list) {
                Remove-Item -LiteralPath $list -ErrorAction SilentlyContinue
            }
        }
    }
}

function Test-LyncDns {
    <#
    .SYNOPSIS
    Compares the DNS records of a domain with those that Lync's clients need.

    .DESCRIPTION
    Writes one object for each domain, with each record that a client needs,
    expected beside found, for each resolver, and the record to create where one is
    wrong.

    .PARAMETER Domain
    The sign-in domain. From the pipeline: text, or objects with a property
    DomainName or Name, as Get-MsolDomain writes them, or Id, as Get-MgDomain does.

    .PARAMETER Deployment
    Where the users are: auto, online, hybrid or server.

    .PARAMETER Cloud
    Cloud of Lync Online: worldwide, gcc-high, dod or china.

    .PARAMETER Client
    The client to judge for.

    .PARAMETER Location
    Where this computer is: inside or outside the company network.

    .PARAMETER Proxy
    An HTTP proxy for every connection, or none.

    .PARAMETER Resolver
    DNS servers to ask, as [NAME=]ADDRESS; with several, their answers are compared.

    .PARAMETER TimeoutSeconds
    The time for the run, of each domain where there are several.

    .PARAMETER Lab
    Uses the built-in lab in place of the network, with these faults.

    .PARAMETER Offline
    Sends nothing.

    .EXAMPLE
    Test-LyncDns contoso.com

    .EXAMPLE
    (Test-LyncDns contoso.com -Resolver internal=10.0.0.53, external=9.9.9.9).records | Where-Object { $_.status -ne 'ok' }

    .EXAMPLE
    Get-MgDomain | Test-LyncDns

    .OUTPUTS
    LyncDiag.Dns
    #>
    [CmdletBinding()]
    [OutputType('LyncDiag.Dns')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('DomainName', 'Name', 'Id')]
        [string] $Domain,

        [ValidateSet('auto', 'online', 'hybrid', 'server')]
        [string] $Deployment,

        [ValidateSet('worldwide', 'gcc-high', 'dod', 'china')]
        [string] $Cloud,

        [ValidateSet('any', 'lync2010-rtm', 'lync2010', 'lync2013', 'sfb2016', 'mobile')]
        [string] $Client,

        [ValidateSet('inside', 'outside', 'unknown')]
        [string] $Location,

        [string] $Proxy,

        [string[]] $Resolver,

        [ValidateRange(1, 86400)]
        [int] $TimeoutSeconds,

        [string[]] $Lab,

        [switch] $Offline
    )
    begin {
        $domains = New-Object -TypeName 'System.Collections.Generic.List[string]'
    }
    process {
        $domains.Add($Domain.Trim())
    }
    end {
        $arguments = @('dns', '--output', 'ndjson')
        $arguments += @(Get-LyncDiagNetworkArgument -Bound $PSBoundParameters)
        $list = $null
        try {
            if ($domains.Count -eq 1) {
                $arguments += '--', $domains[0]
            }
            else {
                $list = [System.IO.Path]::GetTempFileName()
                [System.IO.File]::WriteAllLines($list, $domains)
                $arguments += '--input', $list
            }
            $state = @{ ExitCode = -1; Error = ''; Documents = 0 }
            Invoke-LyncDiag -ArgumentList $arguments -State $state | ForEach-Object {
                $state.Documents++
                $document = ConvertFrom-LyncDiagLine -Line $_ -TypeName 'LyncDiag.Dns'
                foreach ($record in $document.records) {
                    Add-LyncDiagType -InputObject $record -TypeName 'LyncDiag.DnsRecord'
                }
                $document
            }
            Write-LyncDiagProblem -State $state -Caller $PSCmdlet -Target ($domains -join ', ')
        }
        finally {
            if ($list) {
                Remove-Item -LiteralPath $list -ErrorAction SilentlyContinue
            }
        }
    }
}

function Test-LyncFederation {
    <#
    .SYNOPSIS
    Says who checks a user's password, and which endpoints AD FS has for it.

    .DESCRIPTION
    Asks the login service for the realm of an address and, where the domain is
    federated, AD FS for its MEX document, as a browser and as a client ask for it.
    Writes one object with both.

    .PARAMETER Address
    The sign-in address, with or without sip: in front. From the pipeline: text, or
    objects with a property SipAddress or UserPrincipalName.

    .PARAMETER Deployment
    Where the users are: auto, online, hybrid or server.

    .PARAMETER Cloud
    Cloud of Lync Online: worldwide, gcc-high, dod or china.

    .PARAMETER Client
    The client to judge for.

    .PARAMETER Location
    Where this computer is: inside or outside the company network.

    .PARAMETER Proxy
    An HTTP proxy for every connection, or none.

    .PARAMETER Resolver
    DNS servers to ask, as [NAME=]ADDRESS.

    .PARAMETER TimeoutSeconds
    The time for each of the two steps.

    .PARAMETER Lab
    Uses the built-in lab in place of the network, with these faults.

    .PARAMETER Offline
    Sends nothing.

    .EXAMPLE
    Test-LyncFederation joe@contoso.com

    .EXAMPLE
    (Test-LyncFederation joe@contoso.com).mex.endpoints | Where-Object { -not $_.usable } | Format-Table address, reason

    .OUTPUTS
    LyncDiag.Federation
    #>
    [CmdletBinding()]
    [OutputType('LyncDiag.Federation')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('SipAddress', 'UserPrincipalName', 'SignInName')]
        [string] $Address,

        [ValidateSet('auto', 'online', 'hybrid', 'server')]
        [string] $Deployment,

        [ValidateSet('worldwide', 'gcc-high', 'dod', 'china')]
        [string] $Cloud,

        [ValidateSet('any', 'lync2010-rtm', 'lync2010', 'lync2013', 'sfb2016', 'mobile')]
        [string] $Client,

        [ValidateSet('inside', 'outside', 'unknown')]
        [string] $Location,

        [string] $Proxy,

        [string[]] $Resolver,

        [ValidateRange(1, 86400)]
        [int] $TimeoutSeconds,

        [string[]] $Lab,

        [switch] $Offline
    )
    process {
        $name = $Address.Trim() -replace '^(?i)sip:', ''
        $network = @(Get-LyncDiagNetworkArgument -Bound $PSBoundParameters)
        $state = @{ ExitCode = -1; Error = ''; Documents = 0 }
        $realm = $null
        Invoke-LyncDiag -ArgumentList (@('adfs', 'realm', '--output', 'ndjson') + $network + '--' + $name) -State $state | ForEach-Object {
            $state.Documents++
            $realm = ConvertFrom-LyncDiagLine -Line $_ -TypeName 'LyncDiag.Realm'
        }
        Write-LyncDiagProblem -State $state -Caller $PSCmdlet -Target $name
        if ($null -eq $realm) {
            return
        }
        $mex = $null
        if ($realm.mexUrl -ne '') {
            $state = @{ ExitCode = -1; Error = ''; Documents = 0 }
            Invoke-LyncDiag -ArgumentList (@('adfs', 'mex', '--output', 'ndjson') + $network + '--' + $realm.mexUrl) -State $state | ForEach-Object {
                $state.Documents++
                $mex = ConvertFrom-LyncDiagLine -Line $_ -TypeName 'LyncDiag.Mex'
            }
            Write-LyncDiagProblem -State $state -Caller $PSCmdlet -Target $realm.mexUrl
        }
        $findings = @($realm.findings)
        if ($null -ne $mex) {
            $findings += @($mex.findings)
        }
        $result = [pscustomobject] @{
            Address       = $name
            NamespaceType = $realm.namespaceType
            MexUrl        = $realm.mexUrl
            Realm         = $realm
            Mex           = $mex
            Findings      = $findings
        }
        Add-LyncDiagType -InputObject $result -TypeName 'LyncDiag.Federation'
        $result
    }
}

function Get-LyncSignInLog {
    <#
    .SYNOPSIS
    Reads the sign-in attempts in logs of a client or a server.

    .DESCRIPTION
    Writes each attempt with its outcome, and the diagnostics beside it. The logs
    that are piped in are read together, in the order of their times.

    .PARAMETER Path
    Files or folders. From the pipeline: text, or what Get-ChildItem writes.

    .PARAMETER Document
    Writes one object with the files, attempts, steps, counts and findings in place
    of the attempts alone.

    .EXAMPLE
    Get-LyncSignInLog $env:LOCALAPPDATA\Microsoft\Office\16.0\Lync\Tracing | Where-Object outcome -eq 'failed'

    .EXAMPLE
    (Get-ChildItem *.uccapilog | Get-LyncSignInLog -Document).findings

    .OUTPUTS
    LyncDiag.Attempt, or LyncDiag.Log with -Document
    #>
    [CmdletBinding()]
    [OutputType('LyncDiag.Attempt', 'LyncDiag.Log')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('FullName', 'PSPath')]
        [string] $Path,

        [switch] $Document
    )
    begin {
        $files = New-Object -TypeName 'System.Collections.Generic.List[string]'
    }
    process {
        $files.Add($PSCmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path))
    }
    end {
        $state = @{ ExitCode = -1; Error = ''; Documents = 0 }
        Invoke-LyncDiag -ArgumentList (@('log', '--output', 'ndjson', '--') + $files.ToArray()) -State $state | ForEach-Object {
            $state.Documents++
            $log = ConvertFrom-LyncDiagLine -Line $_ -TypeName 'LyncDiag.Log'
            foreach ($file in $log.files) {
                Add-LyncDiagType -InputObject $file -TypeName 'LyncDiag.LogFile' -Time 'firstAt', 'lastAt'
            }
            foreach ($attempt in $log.attempts) {
                Add-LyncDiagType -InputObject $attempt -TypeName 'LyncDiag.Attempt' -Time 'startedAt'
            }
            if ($Document) {
                $log
            }
            else {
                $log.attempts
            }
        }
        Write-LyncDiagProblem -State $state -Caller $PSCmdlet -Target ($files -join ', ')
    }
}

function Resolve-LyncError {
    <#
    .SYNOPSIS
    Says what a message, a code or a finding means and what to do.

    .DESCRIPTION
    Knows the messages of the clients, HRESULTs, the numbers of ms-diagnostics, SIP
    statuses, codes of Azure AD and the names of findings. The best match comes
    first. Where nothing matches, that is an error with the id LyncDiag.NoMatch.

    .PARAMETER InputObject
    The text, code or name.

    .PARAMETER First
    How many matches to write.

    .EXAMPLE
    Resolve-LyncError 0x80EE0066

    .EXAMPLE
    'There was a problem acquiring a personal certificate' | Resolve-LyncError -First 1 | Format-List

    .OUTPUTS
    LyncDiag.Explanation
    #>
    [CmdletBinding()]
    [OutputType('LyncDiag.Explanation')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $InputObject,

        [ValidateRange(1, 1000)]
        [int] $First = 1000
    )
    process {
        $state = @{ ExitCode = -1; Error = ''; Documents = 0 }
        $matched = 0
        # Nothing that is looked up is taken for a flag.
        Invoke-LyncDiag -ArgumentList @('explain', '--output', 'ndjson', '--', $InputObject) -State $state | ForEach-Object {
            $state.Documents++
            $document = ConvertFrom-LyncDiagLine -Line $_ -TypeName 'LyncDiag.Explanations'
            $matched = @($document.matches).Count
            foreach ($match in ($document.matches | Select-Object -First $First)) {
                Add-LyncDiagType -InputObject $match -TypeName 'LyncDiag.Explanation'
                $match
            }
        }
        if ($state.Documents -gt 0 -and $matched -eq 0) {
            $PSCmdlet.WriteError((New-LyncDiagError -Message ('Nothing is known of "{0}".' -f $InputObject) -Id 'LyncDiag.NoMatch' -Category ObjectNotFound -Target $InputObject))
        }
        Write-LyncDiagProblem -State $state -Caller $PSCmdlet -Target $InputObject
    }
}

$script:LabFaults = $null
Register-ArgumentCompleter -CommandName 'Test-LyncSignIn', 'Test-LyncDns', 'Test-LyncFederation' -ParameterName 'Lab' -ScriptBlock {
    param($commandName, $parameterName, $wordToComplete, $commandAst, $fakeBoundParameters)
    if ($null -eq $script:LabFaults) {
        $state = @{ ExitCode = -1; Error = ''; Documents = 0 }
        $script:LabFaults = @(Invoke-LyncDiag -ArgumentList 'lab', 'faults', '--output', 'ndjson' -State $state | ForEach-Object { ($_ | ConvertFrom-Json).faults })
    }
    foreach ($fault in $script:LabFaults) {
        if ($fault.name -like "$wordToComplete*") {
            New-Object -TypeName System.Management.Automation.CompletionResult -ArgumentList $fault.name, $fault.name, 'ParameterValue', $fault.description
        }
    }
}

$script:Catalogue = $null
Register-ArgumentCompleter -CommandName 'Resolve-LyncError' -ParameterName 'InputObject' -ScriptBlock {
    param($commandName, $parameterName, $wordToComplete, $commandAst, $fakeBoundParameters)
    if ($null -eq $script:Catalogue) {
        $state = @{ ExitCode = -1; Error = ''; Documents = 0 }
        $script:Catalogue = @(Invoke-LyncDiag -ArgumentList 'catalogue', '--output', 'ndjson' -State $state | ForEach-Object { ($_ | ConvertFrom-Json).findings })
    }
    foreach ($finding in $script:Catalogue) {
        if ($finding.name -like "$wordToComplete*") {
            New-Object -TypeName System.Management.Automation.CompletionResult -ArgumentList $finding.name, $finding.name, 'ParameterValue', $finding.title
        }
    }
}

Export-ModuleMember -Function 'Test-LyncSignIn', 'Test-LyncDns', 'Test-LyncFederation', 'Get-LyncSignInLog', 'Resolve-LyncError'
