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
        $exception = New-Object -TypeName System.IO.FileNotFoundException -ArgumentList 'lyncdiag.exe is neither in the bin folder of the module LyncDiag nor on the path. Put it there.'
        throw (New-Object -TypeName System.Management.Automation.ErrorRecord -ArgumentList $exception, 'LyncDiag.NoProgram', ([System.Management.Automation.ErrorCategory]::ObjectNotFound), 'lyncdiag.exe')
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
            $text = $text -replace '(\\+)\z', '$1$1'
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
            try {
                $process.StandardInput.BaseStream.Write($bytes, 0, $bytes.Length)
                $process.StandardInput.BaseStream.Flush()
            }
            catch [System.IO.IOException] {
                # It ended before it read: the exit code says why.
                $null = $_
            }
            finally {
                [System.Array]::Clear($bytes, 0, $bytes.Length)
            }
        }
        try {
            $process.StandardInput.Close()
        }
        catch [System.IO.IOException] {
            $null = $_
        }
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
        catch {
            # It was never started, or ends just now.
            $null = $_
        }
        $process.Dispose()
    }
}

function ConvertFrom-LyncDiagDictionary {
    # Objects and arrays as ConvertFrom-Json makes them.
    param($Value)
    if ($Value -is [System.Collections.IDictionary]) {
        $members = [ordered] @{}
        foreach ($key in $Value.Keys) {
            $members[$key] = ConvertFrom-LyncDiagDictionary -Value $Value[$key]
        }
        return [pscustomobject] $members
    }
    if ($Value -is [array]) {
        $items = New-Object -TypeName System.Collections.ArrayList
        foreach ($item in $Value) {
            $null = $items.Add((ConvertFrom-LyncDiagDictionary -Value $item))
        }
        return , $items.ToArray()
    }
    return $Value
}

function ConvertFrom-LyncDiagJson {
    # ConvertFrom-Json of Windows PowerShell 5.1 refuses what is longer than this.
    param([string] $Text)
    if ($PSVersionTable.PSVersion.Major -ge 6 -or $Text.Length -le 2097152) {
        return ($Text | ConvertFrom-Json)
    }
    Add-Type -AssemblyName System.Web.Extensions
    $serializer = New-Object -TypeName System.Web.Script.Serialization.JavaScriptSerializer
    $serializer.MaxJsonLength = [int]::MaxValue
    return (ConvertFrom-LyncDiagDictionary -Value $serializer.DeserializeObject($Text))
}

# The fields that hold a time, in all documents that are read here.
$script:TimeFields = 'at', 'cachedUntil', 'firstAt', 'from', 'lastAt', 'notAfter', 'notBefore', 'startedAt', 'suppressedUntil', 'to', 'until'

function ConvertTo-LyncDiagTime {
    # PowerShell 7 has made a [datetime] of every text that looks like one, Windows
    # PowerShell 5.1 of none. Here fields of times hold times, and others text.
    param($InputObject)
    foreach ($property in @($InputObject.PSObject.Properties)) {
        $value = $property.Value
        $isTime = $script:TimeFields -ccontains $property.Name
        if ($value -is [string]) {
            if ($isTime -and $value -match '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$') {
                $property.Value = [datetime]::Parse($value, [System.Globalization.CultureInfo]::InvariantCulture, [System.Globalization.DateTimeStyles]::RoundtripKind)
            }
        }
        elseif ($value -is [datetime]) {
            if ($isTime -and $value.Kind -ne [System.DateTimeKind]::Unspecified) {
                $property.Value = $value.ToUniversalTime()
            }
            else {
                $property.Value = ConvertTo-LyncDiagText -Time $value
            }
        }
        elseif ($value -is [array]) {
            for ($i = 0; $i -lt $value.Length; $i++) {
                if ($value[$i] -is [datetime]) {
                    $value[$i] = ConvertTo-LyncDiagText -Time $value[$i]
                }
                elseif ($value[$i] -is [System.Management.Automation.PSCustomObject]) {
                    ConvertTo-LyncDiagTime -InputObject $value[$i]
                }
            }
        }
        elseif ($value -is [System.Management.Automation.PSCustomObject]) {
            ConvertTo-LyncDiagTime -InputObject $value
        }
    }
}

function ConvertTo-LyncDiagText {
    # The text that a [datetime] was made of. One without a zone came of a text without
    # one, which was no local time.
    param([datetime] $Time)
    $format = 'yyyy-MM-ddTHH:mm:ss.FFFFFFF'
    if ($Time.Kind -eq [System.DateTimeKind]::Unspecified) {
        return $Time.ToString($format, [System.Globalization.CultureInfo]::InvariantCulture)
    }
    return $Time.ToUniversalTime().ToString($format + 'Z', [System.Globalization.CultureInfo]::InvariantCulture)
}

function Add-LyncDiagType {
    # Names the type of an object for its view.
    param($InputObject, [string] $TypeName)
    if ($null -ne $InputObject) {
        $InputObject.PSObject.TypeNames.Insert(0, $TypeName)
    }
}

function ConvertFrom-LyncDiagLine {
    # One document. Its findings have a type of their own.
    param([string] $Line, [string] $TypeName)
    $document = ConvertFrom-LyncDiagJson -Text $Line
    ConvertTo-LyncDiagTime -InputObject $document
    Add-LyncDiagType -InputObject $document -TypeName $TypeName
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
    # Each root failure that counts as an error that bears its name.
    param($Finding, [string] $About, [System.Management.Automation.PSCmdlet] $Caller)
    foreach ($one in $Finding) {
        if ($one.severity -eq 'failure' -and $one.causedBy -eq '' -and $one.suppressed -eq '' -and -not $one.known) {
            $record = New-LyncDiagError -Message ('{0}: {1}' -f $About, $one.title) -Id ([string] $one.name) -Category (Get-LyncDiagCategory -Type $one.type) -Target $one
            $record.ErrorDetails = New-Object -TypeName System.Management.Automation.ErrorDetails -ArgumentList ('{0}: {1}. {2}' -f $About, $one.title, $one.cause)
            $record.ErrorDetails.RecommendedAction = ($one.resolution -join [Environment]::NewLine)
            $Caller.WriteError($record)
        }
    }
}

function Get-LyncDiagUser {
    # The SIP address and the sign-in name of what came. Of an object its properties
    # are read here: binding by name takes one of them, even where it is empty.
    param($InputObject, [string[]] $Address)
    $given = New-Object -TypeName System.Collections.ArrayList
    if ($null -eq $InputObject -or $InputObject -is [string]) {
        foreach ($one in $Address) {
            $null = $given.Add(@($one, ''))
        }
    }
    else {
        $found = @('', '')
        $names = @('SipAddress', 'msRTCSIP-PrimaryUserAddress', 'Address'), @('UserPrincipalName', 'SignInName')
        for ($i = 0; $i -lt 2; $i++) {
            foreach ($name in $names[$i]) {
                $property = $InputObject.PSObject.Properties[$name]
                if ($found[$i] -eq '' -and $null -ne $property -and $null -ne $property.Value) {
                    $found[$i] = [string] $property.Value
                }
            }
        }
        # Users of Microsoft Graph and MSOnline have the SIP address only in lists.
        foreach ($name in 'ProxyAddresses', 'ImAddresses') {
            $property = $InputObject.PSObject.Properties[$name]
            if ($found[0] -eq '' -and $null -ne $property) {
                foreach ($one in @($property.Value)) {
                    if ($found[0] -eq '' -and ($one -match '^sip:[^;\s]+$' -or ($name -eq 'ImAddresses' -and $one -match '@'))) {
                        $found[0] = [string] $one
                    }
                }
            }
        }
        $null = $given.Add($found)
    }
    foreach ($pair in $given) {
        $sip = ([string] $pair[0]).Trim() -replace '^(?i)sips?:', ''
        $name = ([string] $pair[1]).Trim()
        if ($sip -eq '') { $sip = $name }
        if ($name -eq '') { $name = $sip }
        if ($sip -eq '') {
            Write-Warning -Message ('Left out, as it has neither SipAddress nor UserPrincipalName: {0}' -f $InputObject)
        }
        else {
            [pscustomobject] @{ Sip = $sip; Name = $name }
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
    param([System.Collections.IDictionary] $Bound)
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
    Get-CsOnlineUser, Get-MgUser and Get-MsolUser write them. Without SipAddress, the
    address after sip: in ProxyAddresses counts, then that in ImAddresses; Get-MgUser
    has to be asked for them with -Property. Where UserPrincipalName differs from the
    SIP address, it is the name that the user signs in with.

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

    .PARAMETER Baseline
    A file of earlier reports, as -RecordPath writes them. What it has of the same
    address is marked as known.

    .PARAMETER Suppress
    Findings that do not count, as NAME or NAME=TARGET. They are marked as suppressed,
    and so is what they explain.

    .PARAMETER SuppressUntil
    When the suppressions end; a date without a time lasts to its end.

    .PARAMETER RecordPath
    A file that takes the reports too, for -Baseline and Compare-LyncReport.

    .PARAMETER Concurrency
    How many addresses are looked at at a time.

    .PARAMETER WriteError
    Writes each root failure as an error too, with the finding's name as its id. What
    is known or suppressed is none.

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
    Test-LyncSignIn joe@contoso.com -Suppress dns-sip-cname-missing=contoso.com -SuppressUntil 2031-12-31

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
        [Alias('UserPrincipalName', 'SipAddress', 'SignInName')]
        [AllowNull()]
        [AllowEmptyString()]
        [AllowEmptyCollection()]
        [string[]] $Address,

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

        [string] $Baseline,

        [string[]] $Suppress,

        [datetime] $SuppressUntil,

        [string] $RecordPath,

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
        $users = New-Object -TypeName System.Collections.ArrayList
    }
    process {
        $piped = $null
        if ($PSCmdlet.MyInvocation.ExpectingInput) {
            $piped = $_
        }
        $users.AddRange(@(Get-LyncDiagUser -InputObject $piped -Address $Address))
    }
    end {
        if ($users.Count -eq 0) {
            return
        }
        $hasCredential = $Credential -ne [System.Management.Automation.PSCredential]::Empty
        if ($users.Count -gt 1 -and ($hasCredential -or $UserName)) {
            $PSCmdlet.ThrowTerminatingError((New-LyncDiagError -Message 'Credential and UserName are of one user, and several addresses were given.' -Id 'LyncDiag.BadInput' -Category InvalidArgument -Target $UserName))
        }
        $arguments = @('check', '--output', 'ndjson')
        $arguments += @(Get-LyncDiagNetworkArgument -Bound $PSBoundParameters)
        $list = $null
        $secret = $null
        try {
            if ($users.Count -gt 1) {
                $rows = New-Object -TypeName 'System.Collections.Generic.List[string]'
                $rows.Add('UserPrincipalName,SipAddress')
                foreach ($one in $users) {
                    $rows.Add(('"{0}","{1}"' -f ($one.Name -replace '"', '""'), ($one.Sip -replace '"', '""')))
                }
                $list = [System.IO.Path]::GetTempFileName()
                [System.IO.File]::WriteAllLines($list, $rows)
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
            if ($Baseline) { $arguments += '--baseline', @(Get-LyncDiagFilePath -Path $Baseline)[0] }
            foreach ($one in $Suppress) { $arguments += '--suppress', $one }
            if ($PSBoundParameters.ContainsKey('SuppressUntil')) {
                if ($SuppressUntil.TimeOfDay.Ticks -eq 0) {
                    $arguments += '--until', $SuppressUntil.ToString('yyyy-MM-dd', [System.Globalization.CultureInfo]::InvariantCulture)
                }
                else {
                    # Somebody typed it: without a zone it is this computer's.
                    $arguments += '--until', (ConvertTo-LyncDiagText -Time $SuppressUntil.ToUniversalTime())
                }
            }
            if ($RecordPath) { $arguments += '--output', ('ndjson={0}' -f @(Get-LyncDiagFilePath -Path $RecordPath)[0]) }
            if ($hasCredential) {
                $secret = $Credential.GetNetworkCredential().Password + "`n"
                $arguments += '--password-stdin', '--user-name', $Credential.UserName
            }
            elseif ($UserName) {
                $arguments += '--user-name', $UserName
            }
            elseif ($users.Count -eq 1 -and $users[0].Name -ne $users[0].Sip) {
                $arguments += '--user-name', $users[0].Name
            }
            if ($users.Count -eq 1) {
                $arguments += '--', $users[0].Sip
            }
            $state = @{ ExitCode = -1; Error = ''; Documents = 0 }
            Invoke-LyncDiag -ArgumentList $arguments -InputText $secret -State $state | ForEach-Object {
                $state.Documents++
                $report = ConvertFrom-LyncDiagLine -Line $_ -TypeName 'LyncDiag.Report'
                $report
                if (-not $report.complete) {
                    Write-Warning -Message ('{0}: lyncdiag did not finish in its time; what it found until then is in the report.' -f $report.target.address)
                }
                if ($WriteError) {
                    Write-LyncDiagFinding -Finding $report.findings -About $report.target.address -Caller $PSCmdlet
                }
            }
            Write-LyncDiagProblem -State $state -Caller $PSCmdlet -Target (@($users | ForEach-Object { $_.Sip }) -join ', ')
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

    .PARAMETER WriteError
    Writes each root failure as an error too, with the finding's name as its id.

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

        [switch] $Offline,

        [switch] $WriteError
    )
    begin {
        $domains = New-Object -TypeName 'System.Collections.Generic.List[string]'
    }
    process {
        $domains.Add($Domain.Trim())
    }
    end {
        if ($domains.Count -eq 0) {
            return
        }
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
                if ($WriteError) {
                    Write-LyncDiagFinding -Finding $document.findings -About $document.domain -Caller $PSCmdlet
                }
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
    objects with a property UserPrincipalName or SipAddress; the former counts.

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

    .PARAMETER WriteError
    Writes each root failure as an error too, with the finding's name as its id.

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
        [Alias('UserPrincipalName', 'SipAddress', 'SignInName')]
        [AllowNull()]
        [AllowEmptyString()]
        [AllowEmptyCollection()]
        [string[]] $Address,

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

        [switch] $Offline,

        [switch] $WriteError
    )
    process {
        $network = @(Get-LyncDiagNetworkArgument -Bound $PSBoundParameters)
        $piped = $null
        if ($PSCmdlet.MyInvocation.ExpectingInput) {
            $piped = $_
        }
        foreach ($one in @(Get-LyncDiagUser -InputObject $piped -Address $Address)) {
            $name = $one.Name
            $state = @{ ExitCode = -1; Error = ''; Documents = 0 }
            $realm = $null
            Invoke-LyncDiag -ArgumentList (@('adfs', 'realm', '--output', 'ndjson') + $network + '--' + $name) -State $state | ForEach-Object {
                $state.Documents++
                $realm = ConvertFrom-LyncDiagLine -Line $_ -TypeName 'LyncDiag.Realm'
            }
            Write-LyncDiagProblem -State $state -Caller $PSCmdlet -Target $name
            if ($null -eq $realm) {
                continue
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
            if ($WriteError) {
                Write-LyncDiagFinding -Finding $findings -About $name -Caller $PSCmdlet
            }
        }
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
    Files or folders, wildcards in their names too. From the pipeline: text, or what
    Get-ChildItem writes. A file that has such a name is meant itself.

    .PARAMETER Document
    Writes one object with the files, attempts, steps, counts and findings in place
    of the attempts alone.

    .EXAMPLE
    Get-LyncSignInLog $env:LOCALAPPDATA\Microsoft\Office\16.0\Lync\Tracing | Where-Object outcome -eq 'failed'

    .EXAMPLE
    (Get-LyncSignInLog .\joe\*.uccapilog, .\server.log -Document).findings

    .EXAMPLE
    Get-ChildItem -Recurse *.uccapilog | Get-LyncSignInLog

    .OUTPUTS
    LyncDiag.Attempt, or LyncDiag.Log with -Document
    #>
    [CmdletBinding()]
    [OutputType('LyncDiag.Attempt', 'LyncDiag.Log')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('FullName', 'PSPath')]
        [string[]] $Path,

        [switch] $Document
    )
    begin {
        $files = New-Object -TypeName 'System.Collections.Generic.List[string]'
    }
    process {
        foreach ($one in $Path) {
            $found = @()
            # A log may be called client[1].log: what there is goes before a pattern.
            if ([System.Management.Automation.WildcardPattern]::ContainsWildcardCharacters($one) -and -not (Test-Path -LiteralPath $one)) {
                $found = @(Resolve-Path -Path $one | ForEach-Object { $_.ProviderPath })
            }
            # What is not there is the program's to refuse.
            if ($found.Count -eq 0) {
                $found = @($PSCmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath($one))
            }
            $files.AddRange([string[]] $found)
        }
    }
    end {
        if ($files.Count -eq 0) {
            return
        }
        $state = @{ ExitCode = -1; Error = ''; Documents = 0 }
        Invoke-LyncDiag -ArgumentList (@('log', '--output', 'ndjson', '--') + $files.ToArray()) -State $state | ForEach-Object {
            $state.Documents++
            $log = ConvertFrom-LyncDiagLine -Line $_ -TypeName 'LyncDiag.Log'
            foreach ($file in $log.files) {
                Add-LyncDiagType -InputObject $file -TypeName 'LyncDiag.LogFile'
            }
            foreach ($attempt in $log.attempts) {
                Add-LyncDiagType -InputObject $attempt -TypeName 'LyncDiag.Attempt'
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
    The text, code or name. From the pipeline also findings, by their name.

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
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Name')]
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

function Compare-LyncReport {
    <#
    .SYNOPSIS
    Says what changed between two runs: what is new, gone or not known.

    .DESCRIPTION
    Writes one object for each finding that is not as it was, with what became of it
    in change: appeared, gone, changed or unknown. A finding is gone only if the later
    run looked again at what showed it. Where new is true, it is a failure or warning
    that was not there before, or was less severe.

    .PARAMETER Before
    The file of the earlier run, as Test-LyncSignIn -RecordPath writes it: reports,
    a batch, or DNS documents.

    .PARAMETER After
    The file of the later run.

    .PARAMETER Document
    Writes the whole comparison instead, with verdicts, links of the chain and notes.

    .EXAMPLE
    Test-LyncSignIn joe@contoso.com -RecordPath .\tuesday.ndjson
    Compare-LyncReport .\monday.ndjson .\tuesday.ndjson

    .EXAMPLE
    Compare-LyncReport .\monday.ndjson .\tuesday.ndjson | Where-Object { $_.new } | Format-List title, resolution

    .OUTPUTS
    LyncDiag.Change
    #>
    [CmdletBinding()]
    [OutputType('LyncDiag.Change')]
    param(
        [Parameter(Mandatory = $true, Position = 0)]
        [string] $Before,

        [Parameter(Mandatory = $true, Position = 1)]
        [string] $After,

        [switch] $Document
    )
    process {
        $files = @(Get-LyncDiagFilePath -Path $Before, $After)
        $state = @{ ExitCode = -1; Error = ''; Documents = 0 }
        Invoke-LyncDiag -ArgumentList (@('diff', '--output', 'ndjson', '--') + $files) -State $state | ForEach-Object {
            $state.Documents++
            $comparison = ConvertFrom-LyncDiagLine -Line $_ -TypeName 'LyncDiag.Comparison'
            foreach ($one in $comparison.targets) {
                foreach ($change in $one.findings) {
                    $change | Add-Member -MemberType NoteProperty -Name 'address' -Value $one.after.address
                    if ($one.presence -eq 'before') {
                        $change.address = $one.before.address
                    }
                    Add-LyncDiagType -InputObject $change -TypeName 'LyncDiag.Change'
                    if (-not $Document) {
                        $change
                    }
                }
            }
            if ($Document) {
                $comparison
            }
        }
        Write-LyncDiagProblem -State $state -Caller $PSCmdlet -Target ($files -join ', ')
    }
}

function New-LyncSupportBundle {
    <#
    .SYNOPSIS
    Writes one zip of all that is seen of a user's sign-in.

    .DESCRIPTION
    Collects the report, the facts that it rests on, DNS answers, certificates, the
    client's logs and what there is to know about this computer. Users, hosts and
    addresses are replaced by pseudonyms, unless -NoRedaction is given. The program
    judges the bundle again with: lyncdiag bundle FILE

    .PARAMETER Address
    The sign-in address, with or without sip: in front. From the pipeline as with
    Test-LyncSignIn: where SipAddress is empty, UserPrincipalName counts.

    .PARAMETER Path
    The zip file to write. With -WhatIf it is said what would be taken. Of several
    users in the pipeline each needs a file of its own: name them by a script block.

    .PARAMETER Log
    Client logs: files or folders. On Windows, those of this computer's client are
    found.

    .PARAMETER MapPath
    The file that keeps what the pseudonyms stand for. It is not part of the bundle.

    .PARAMETER NoRedaction
    Leaves everything as it is.

    .PARAMETER Ticket
    A text that the report repeats.

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
    The time for the run.

    .PARAMETER Lab
    Uses the built-in lab in place of the network, with these faults.

    .PARAMETER Offline
    Sends nothing.

    .EXAMPLE
    New-LyncSupportBundle joe@contoso.com -Path .\joe.zip

    .EXAMPLE
    New-LyncSupportBundle joe@contoso.com -Path .\joe.zip -WhatIf

    .EXAMPLE
    Get-MgUser -Filter "department eq 'Sales'" | New-LyncSupportBundle -Path { $_.Id + '.zip' }

    .OUTPUTS
    LyncDiag.Bundle
    #>
    [CmdletBinding(SupportsShouldProcess = $true)]
    [OutputType('LyncDiag.Bundle')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('SipAddress', 'UserPrincipalName', 'SignInName')]
        [AllowNull()]
        [AllowEmptyString()]
        [string] $Address,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [string] $Path,

        [string[]] $Log,

        [string] $MapPath,

        [switch] $NoRedaction,

        [string] $Ticket,

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
        $taken = @{}
    }
    process {
        $piped = $null
        if ($PSCmdlet.MyInvocation.ExpectingInput) {
            $piped = $_
        }
        $user = @(Get-LyncDiagUser -InputObject $piped -Address $Address)
        if ($user.Count -eq 0) {
            return
        }
        $name = $user[0].Sip
        $file = @(Get-LyncDiagFilePath -Path $Path)[0]
        if ($taken.ContainsKey($file)) {
            $message = '{0} holds the bundle of another user: give -Path a script block that names a file for each' -f $file
            $PSCmdlet.WriteError((New-LyncDiagError -Message $message -Id 'LyncDiag.OneFile' -Category InvalidArgument -Target $name))
            return
        }
        $taken[$file] = $true
        $arguments = @('collect', '--output', 'ndjson', '--file', $file)
        $arguments += @(Get-LyncDiagNetworkArgument -Bound $PSBoundParameters)
        foreach ($one in @(Get-LyncDiagFilePath -Path $Log)) { $arguments += '--log', $one }
        if ($MapPath) { $arguments += '--redact-map', @(Get-LyncDiagFilePath -Path $MapPath)[0] }
        if ($NoRedaction) { $arguments += '--redact=false' }
        if ($Ticket) { $arguments += '--ticket', $Ticket }
        if ($user[0].Name -ne $name) { $arguments += '--user-name', $user[0].Name }
        if (-not $PSCmdlet.ShouldProcess($file, ('collect what is seen of the sign-in of {0}' -f $name))) {
            $arguments += '--plan'
        }
        $state = @{ ExitCode = -1; Error = ''; Documents = 0 }
        Invoke-LyncDiag -ArgumentList ($arguments + '--' + $name) -State $state | ForEach-Object {
            $state.Documents++
            ConvertFrom-LyncDiagLine -Line $_ -TypeName 'LyncDiag.Bundle'
        }
        Write-LyncDiagProblem -State $state -Caller $PSCmdlet -Target $name
    }
}

$script:LabFaults = $null
Register-ArgumentCompleter -CommandName 'Test-LyncSignIn', 'Test-LyncDns', 'Test-LyncFederation', 'New-LyncSupportBundle' -ParameterName 'Lab' -ScriptBlock {
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

Export-ModuleMember -Function 'Test-LyncSignIn', 'Test-LyncDns', 'Test-LyncFederation', 'Get-LyncSignInLog', 'Resolve-LyncError', 'Compare-LyncReport', 'New-LyncSupportBundle'
